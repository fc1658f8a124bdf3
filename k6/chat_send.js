// Three agents answer a customer each, with the ticket's socket open.
// Promise: 95 % of messages are on the socket within 1 s of the POST, none is lost, and the
// ticket's events come in order without a hole, also over a reconnect.
import exec from 'k6/execution';
import { Counter } from 'k6/metrics';
import { anyWriter } from './lib/accounts.js';
import { bodyOf, expect, sendAsync, Session } from './lib/api.js';
import { Feed, pause } from './lib/feed.js';
import { guarded } from './lib/guard.js';
import { options as optionsOf, promise } from './lib/profile.js';
import { summarise } from './lib/report.js';
import { think } from './lib/think.js';

const SCRIPT = 'chat_send';
const MESSAGES_BEFORE_BREAK = 4;
const MESSAGES_AFTER_BREAK = 2;

const sentMessages = new Counter('messages_sent');
const refusedMessages = new Counter('messages_refused');

export const options = optionsOf(SCRIPT, {
  ...promise(SCRIPT, {
    trend: 'ws_delivery_ms', counter: 'messages_received', limit: 'ws_delivery_p95_ms',
  }),
  ...promise(SCRIPT, { trend: 'http_req_duration', counter: 'http_reqs', limit: 'http_p95_ms' }),
  messages_lost: ['count<1'],
  messages_refused: ['count<1'],
  seq_breaks: ['count<1'],
  ws_drops: ['count<1'],
});
export const handleSummary = summarise(SCRIPT);

let session = null;

export default guarded(async () => {
  session = session || new Session(anyWriter());
  const token = session.token();
  const ticket = token && (await openTicket(token));
  if (!ticket) {
    await pause(think(1, 2) * 1000); // the service is down: ask again like a person would
    return;
  }
  const feed = new Feed(ticket.id, token);
  try {
    await converse(feed, ticket.id, token);
  } finally {
    feed.leave();
  }
});

async function openTicket(token) {
  const who = `${exec.vu.idInTest}-${crypto.randomUUID()}`;
  const response = await sendAsync('POST', '/tickets', {
    call: 'open', token,
    body: {
      subject: 'k6 chat_send',
      channel: 'web',
      contact: { name: `k6 ${who.slice(0, 8)}`, address: `k6-${who}@example.com` },
      body: 'Olá, meu pedido não chegou.',
    },
  });
  const isOpen = expect(response, 201, {
    'a new ticket is open': ({ id, status }) => id && status === 'open',
  });
  return isOpen ? bodyOf(response, 201) : null;
}

async function converse(feed, ticketId, token) {
  if (!(await feed.join())) return; // its close was counted
  for (let i = 0; i < MESSAGES_BEFORE_BREAK; i += 1) await say(feed, ticketId, token);
  await feed.drain();
  feed.leave();
  await say(feed, ticketId, token); // while nobody listens: the replay has to bring it
  if (!(await feed.join())) return;
  for (let i = 0; i < MESSAGES_AFTER_BREAK; i += 1) await say(feed, ticketId, token);
  await resolve(ticketId, token);
  await feed.drain();
}

async function say(feed, ticketId, token) {
  const body = `Vou verificar. ref ${crypto.randomUUID()}`;
  const key = crypto.randomUUID();
  feed.awaitMessage(body);
  const response = await post(ticketId, token, body, key);
  sentMessages.add(1);
  expect(response, 201, { 'the message is the one sent': (message) => message.body === body });
  if (response.status !== 201) {
    feed.forget(body);
    refusedMessages.add(1);
  } else if (exec.vu.iterationInScenario % 2 === 0) {
    await repeat(response, ticketId, token, body, key);
  }
  await pause(think(0.5, 1.5) * 1000);
}

function post(ticketId, token, body, key) {
  return sendAsync('POST', `/tickets/${ticketId}/messages`, {
    call: 'send', token, body: { body, kind: 'outbound' }, headers: { 'Idempotency-Key': key },
  });
}

// A client that missed the answer asks again with the same key: one message, the same answer.
async function repeat(first, ticketId, token, body, key) {
  const again = await post(ticketId, token, body, key);
  expect(again, 200, {
    'a repeat is called one': () => again.headers['Idempotent-Replay'] === 'true',
    'a repeat makes no new message': ({ id }) => id === bodyOf(first, 201).id,
  });
}

async function resolve(ticketId, token) {
  const response = await sendAsync('POST', `/tickets/${ticketId}/transition`, {
    call: 'resolve', token, body: { status: 'resolved' },
  });
  expect(response, 200, { 'the ticket is resolved': ({ status }) => status === 'resolved' });
}
