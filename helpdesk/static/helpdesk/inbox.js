// News for the list of tickets. Rows never move by themselves, under a hand that reaches for one:
// a button says that something has happened, and shows it.

import { retryDelayMs } from "./socket.js";

const SILENCE_MS = 25_000; // the server beats every 10 s; longer silence is a dead line
const REFUSALS = new Set([4401, 4403]);
const button = document.getElementById("news");
let position = null; // of the last event or beat; a new connection resumes behind it
let attempt = 0;

function receive({ type, ticket, cursor }) {
  attempt = 0;
  position = cursor ?? position;
  if (type === "resync" || ticket) button.hidden = false;
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const after = position ? `?after=${encodeURIComponent(position)}` : "";
  const socket = new WebSocket(`${scheme}//${location.host}/ws/v1/inbox${after}`);
  let silence = setTimeout(() => socket.close(), SILENCE_MS);
  socket.addEventListener("message", ({ data }) => {
    clearTimeout(silence);
    silence = setTimeout(() => socket.close(), SILENCE_MS);
    receive(JSON.parse(data));
  });
  socket.addEventListener("close", ({ code }) => {
    clearTimeout(silence);
    if (code === 4400) position = null;
    if (!REFUSALS.has(code)) setTimeout(connect, retryDelayMs(attempt++));
  });
}

button.addEventListener("click", () => {
  const here = location.pathname + location.search;
  scrollTo(0, 0);
  htmx.ajax("GET", here, { target: "#ticket-list", swap: "outerHTML" });
});
document.body.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target.id === "ticket-list") button.hidden = true;
});
connect();
