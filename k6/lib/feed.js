// One socket on one ticket, as a good client keeps it: acknowledges every event, notices gaps,
// comes back with the last `seq` it has when the socket drops.
import { Counter, Trend } from 'k6/metrics';
import { clearTimeout, setTimeout } from 'k6/timers';

import { BASE_URL, bodyOf, sendAsync } from './api.js';
import { guarded } from './guard.js';
import { phaseNow } from './profile.js';
import { WebSocket } from './websocket.js';

const deliveryMs = new Trend('ws_delivery_ms', true);
const received = new Counter('messages_received');
const lost = new Counter('messages_lost');
const seqBreaks = new Counter('seq_breaks');
const drops = new Counter('ws_drops');
const OPEN_WITHIN_MS = 5000;
const DRAIN_MS = 5000;

export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

// What is no JSON object is no frame we know; the gap it leaves is found by `seq`.
function frameOf(text) {
  try {
    return JSON.parse(text) || {};
  } catch (error) {
    return {};
  }
}

export class Feed {
  constructor(ticketId, token) {
    this.ticketId = ticketId;
    this.token = token;
    this.lastSeq = 0;
    this.waiting = new Map(); // body of a message -> when and in which phase it was sent
    this.socket = null;
    this.visit = null; // one object from join to leave: what began in another visit is over
  }

  // Open the socket behind the last event seen. Resolves to whether it is open.
  join() {
    this.visit = {};
    return this.enter(this.visit);
  }

  leave() {
    this.visit = null;
    if (this.socket) this.socket.close();
    this.socket = null;
  }

  async enter(visit) {
    const response = await sendAsync('POST', '/auth/ws-ticket', { call: 'ws-ticket', token: this.token });
    const pass = bodyOf(response, 201);
    return pass !== null && this.visit === visit ? this.connect(pass.ticket, visit) : false;
  }

  connect(pass, visit) {
    const query = `after=${this.lastSeq}&ack=1&ticket=${encodeURIComponent(pass)}`;
    const address = `${BASE_URL.replace(/^http/, 'ws')}/ws/v1/tickets/${this.ticketId}?${query}`;
    const tags = { name: 'socket', call: 'socket', phase: phaseNow() };
    const socket = new WebSocket(address, null, { headers: { Origin: BASE_URL }, tags });
    this.socket = socket;
    socket.onmessage = guarded(({ data }) => this.socket === socket && this.take(data));
    socket.onerror = () => {}; // a close follows
    return new Promise((resolve) => {
      const settle = (isOpen) => {
        clearTimeout(late); // a waiting timer would hold the iteration
        resolve(isOpen);
      };
      const late = setTimeout(() => socket.close(), OPEN_WITHIN_MS);
      socket.onopen = () => {
        if (this.socket !== socket) socket.close(); // we left before it was open
        settle(true);
      };
      socket.onclose = guarded(() => {
        settle(false);
        return this.closed(socket, visit);
      });
    });
  }

  // A socket that closes while it is wanted is a finding, and a reason to come back.
  async closed(socket, visit) {
    if (this.socket !== socket) return;
    drops.add(1);
    this.socket = null;
    while (this.visit === visit && !this.socket) {
      await pause(500);
      if (this.visit === visit) await this.enter(visit);
    }
  }

  take(text) {
    const arrivedAt = Date.now();
    const frame = frameOf(text);
    if (frame.type === 'resync') seqBreaks.add(1); // our gaps are small: nothing may be left out
    if (frame.type === 'heartbeat' || !frame.seq) return;
    this.socket.send(JSON.stringify({ op: 'ack', seq: frame.seq }));
    if (frame.seq !== this.lastSeq + 1) {
      seqBreaks.add(1);
      console.warn(`ticket ${this.ticketId}: seq ${frame.seq} came after ${this.lastSeq}`);
    }
    this.lastSeq = Math.max(this.lastSeq, frame.seq);
    if (frame.type === 'message.created') this.recognise((frame.data || {}).body, arrivedAt);
  }

  recognise(body, arrivedAt) {
    const sent = this.waiting.get(body);
    if (!sent) return;
    this.waiting.delete(body);
    received.add(1, { phase: sent.phase });
    if (sent.isLive) deliveryMs.add(arrivedAt - sent.at, { phase: sent.phase });
  }

  // Note a message before it is posted; its frame may be here before the answer is.
  awaitMessage(body) {
    this.waiting.set(body, { at: Date.now(), phase: phaseNow(), isLive: this.socket !== null });
  }

  forget(body) {
    this.waiting.delete(body);
  }

  // Wait for what was posted; what has not come by then is lost.
  async drain() {
    const end = Date.now() + DRAIN_MS;
    while (this.waiting.size > 0 && Date.now() < end) await pause(50);
    lost.add(this.waiting.size);
    for (const body of this.waiting.keys()) console.warn(`ticket ${this.ticketId}: lost "${body}"`);
    this.waiting.clear();
  }
}
