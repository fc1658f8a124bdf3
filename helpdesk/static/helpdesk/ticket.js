// The page of one ticket: the socket feeds the conversation and the header.

import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { TicketSocket } from "./socket.js";

const LINE_WORDS = { online: "Live", connecting: "Connecting…", offline: "Offline, reconnecting…" };
const root = document.getElementById("ticket");
const page = { me: Number(root.dataset.me), contact: root.dataset.contact };
const conversation = new Conversation(page);
const composer = document.getElementById("composer")
  ? new Composer(root.dataset.postUrl, conversation)
  : null;
const refreshHeader = () => htmx.trigger(document.body, "ticket-changed");

function apply({ type, data }) {
  if (type === "message.created") {
    conversation.show(data);
    if (data.kind === "inbound") refreshHeader(); // a customer's word may reopen the ticket
  } else if (type === "message.updated") {
    conversation.update(data);
  } else {
    refreshHeader();
  }
}

function showState(state) {
  if (root.dataset.wsState === state) return;
  root.dataset.wsState = state;
  document.getElementById("line-words").textContent = LINE_WORDS[state];
}

async function readAgain() {
  refreshHeader();
  await htmx.ajax("GET", root.dataset.messagesUrl, { target: "#messages", swap: "innerHTML" });
  conversation.toEnd();
}

function refused(code) {
  if (code === 4401) location.assign(root.dataset.loginUrl);
  document.getElementById("line-words").textContent = "This ticket is no longer open to you.";
}

function followHead() {
  composer?.setClosed(document.getElementById("ticket-head").dataset.status === "closed");
}

document.body.addEventListener("htmx:afterSwap", followHead);
followHead();
new TicketSocket(`/ws/v1/tickets/${root.dataset.ticket}`, Number(root.dataset.after), {
  event: apply, resync: readAgain, state: showState, refused,
}).start();
