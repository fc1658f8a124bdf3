// Five people look through tickets: list, next page, a filter, a search, one ticket, its messages.
// Promise: 95 % of these requests within 350 ms.
import { check, sleep } from 'k6';
import exec from 'k6/execution';
import { anyone } from './lib/accounts.js';
import { bodyOf, expect, send, Session } from './lib/api.js';
import { guarded } from './lib/guard.js';
import { options as optionsOf, phaseNow, promise } from './lib/profile.js';
import { summarise } from './lib/report.js';
import { longTicket } from './lib/seeded.js';
import { think } from './lib/think.js';

const SCRIPT = 'tickets_browse';
const FILTERS = [
  { query: 'status=open', fits: (ticket) => ticket.status === 'open' },
  { query: 'status=pending', fits: (ticket) => ticket.status === 'pending' },
  { query: 'priority=urgent', fits: (ticket) => ticket.priority === 'urgent' },
  { query: 'channel=whatsapp', fits: (ticket) => ticket.channel === 'whatsapp' },
  { query: 'assignee=none', fits: (ticket) => ticket.assignee === null },
  { query: 'status=open&priority=high', fits: (t) => t.status === 'open' && t.priority === 'high' },
];
const WORDS = ['pedido', 'entrega', 'boleto', 'invoice', 'senha'];

export const options = optionsOf(
  SCRIPT,
  promise(SCRIPT, { trend: 'http_req_duration', counter: 'http_reqs', limit: 'http_p95_ms' }),
);
export const handleSummary = summarise(SCRIPT);

let session = null;

export default guarded(() => {
  session = session || new Session(anyone());
  const token = session.token();
  if (!token) {
    sleep(think(1, 2));
    return;
  }
  const first = readPage('/tickets', { call: 'list', token });
  if (first) readNextPage(first, token);
  readFiltered(token);
  if (exec.vu.iterationInScenario % 3 === 0) search(token);
  if (first) readOneOf(first.results, token);
  const id = longTicket(exec.vu.iterationInScenario);
  if (id) readTicket(id, token);
});

function readPage(path, options, facts = {}) {
  const response = send('GET', path, options);
  const isPage = expect(response, 200, {
    'a page has results and next': ({ results, next }) =>
      Array.isArray(results) && results.length <= 100 && next !== undefined,
    ...facts,
  });
  sleep(think(0.5, 2));
  return isPage ? bodyOf(response) : null;
}

function readNextPage(page, token) {
  if (!page.next) return;
  const seen = new Set(page.results.map(({ id }) => id));
  readPage(page.next, { call: 'next', token }, {
    'the next page repeats nothing': ({ results }) => results.every(({ id }) => !seen.has(id)),
  });
}

function readFiltered(token) {
  const filter = FILTERS[exec.vu.iterationInScenario % FILTERS.length];
  readPage(`/tickets?${filter.query}`, { call: 'filter', token }, {
    'a filter lets nothing else through': ({ results }) => results.every(filter.fits),
  });
}

function search(token) {
  const word = WORDS[exec.vu.iterationInScenario % WORDS.length];
  readPage(`/tickets?q=${word}&limit=10`, { call: 'search', token }, {
    'a limit is kept': ({ results }) => results.length <= 10,
  });
}

function readOneOf(tickets, token) {
  const isSeeded = check(tickets, { 'there are tickets (else: make seed)': (all) => all.length > 0 },
    { phase: phaseNow() });
  if (!isSeeded) return;
  readTicket(tickets[Math.floor(Math.random() * tickets.length)].id, token);
}

function readTicket(id, token) {
  const ticket = send('GET', `/tickets/${id}`, { call: 'ticket', token });
  expect(ticket, 200, {
    'the ticket is the one asked for': (body) => body.id === id,
    'it has an ETag': () => ticket.headers.Etag !== undefined,
  });
  readPage(`/tickets/${id}/messages`, { call: 'messages', token }, {
    'messages are in order': ({ results }) =>
      results.every(({ seq, ticket: owner }, i) =>
        owner === id && (i === 0 || seq > results[i - 1].seq)),
  });
}
