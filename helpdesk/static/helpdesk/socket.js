// A socket on one ticket that survives anything but a refusal.
//
// Every event has a `seq` that grows by one. The last one applied is the position to resume from,
// so a new connection gets exactly what the old one missed; what arrives twice is ignored.

const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 15_000;
const SILENCE_MS = 25_000; // the server beats every 10 s; longer silence is a dead line
const REFUSALS = new Set([4401, 4403, 4404]); // not signed in, no access, no such ticket

/** Full jitter (AWS Architecture Blog, "Exponential Backoff and Jitter"). */
export const retryDelayMs = (attempt, random = Math.random) =>
  random() * Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** attempt);

export class TicketSocket {
  #path;
  #on;
  #socket = null;
  #attempt = 0;
  #retryTimer = 0;
  #silenceTimer = 0;
  #isStopped = false;

  /**
   * @param path  address of the feed, without query
   * @param after `seq` of the last event the page already shows
   * @param on    callbacks: event(frame), resync(), state(name), refused(code)
   */
  constructor(path, after, on) {
    this.#path = path;
    this.#on = on;
    this.seq = after;
    addEventListener("online", () => this.#now());
    addEventListener("offline", () => this.#lost());
    addEventListener("pagehide", () => this.#drop());
    addEventListener("pageshow", (event) => event.persisted && this.#now());
  }

  start() {
    this.#connect();
  }

  #connect() {
    this.#drop();
    if (this.#isStopped) return;
    this.#on.state("connecting");
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const url = `${scheme}//${location.host}${this.#path}?after=${this.seq}&ack=1`;
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.#listenForSilence();
    socket.addEventListener("message", ({ data }) => {
      if (socket === this.#socket) this.#receive(JSON.parse(data));
    });
    socket.addEventListener("close", ({ code }) => {
      if (socket === this.#socket) this.#closed(code);
    });
  }

  #receive(frame) {
    this.#listenForSilence();
    this.#attempt = 0; // only a line that speaks is a good line
    this.#on.state("online");
    if (frame.type === "resync") this.#skipTo(frame.seq);
    else if (frame.type === "heartbeat") this.#compare(frame.seq);
    else if (frame.seq) this.#apply(frame);
  }

  #apply(frame) {
    if (frame.seq > this.seq + 1) {
      this.#skipTo(frame.seq);
    } else if (frame.seq === this.seq + 1) {
      this.seq = frame.seq;
      this.#on.event(frame);
    }
    this.#socket.send(JSON.stringify({ op: "ack", seq: frame.seq }));
  }

  /** The server's beat names the last event it sent: if that is not our last one, read again. */
  #compare(seq) {
    if (seq !== this.seq) this.#skipTo(seq);
  }

  #skipTo(seq) {
    this.seq = seq;
    this.#on.resync();
  }

  #closed(code) {
    this.#drop();
    if (REFUSALS.has(code)) {
      this.#isStopped = true;
      this.#on.state("offline");
      this.#on.refused(code);
      return;
    }
    this.#lost();
  }

  /** Say so, and try again later. */
  #lost() {
    this.#drop();
    if (this.#isStopped) return;
    this.#on.state("offline");
    this.#retryTimer = setTimeout(() => this.#connect(), retryDelayMs(this.#attempt));
    this.#attempt += 1;
  }

  /** Try again at once: the browser says that the network is back. */
  #now() {
    this.#attempt = 0;
    this.#connect();
  }

  #listenForSilence() {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => this.#lost(), SILENCE_MS);
  }

  #drop() {
    clearTimeout(this.#silenceTimer);
    clearTimeout(this.#retryTimer);
    const socket = this.#socket;
    this.#socket = null; // first: its late events are nobody's
    socket?.close();
  }
}
