// The list of messages: bubbles in the order of `seq`, unsent ones last.

import { setTime } from "./times.js";

const NEAR_END_PX = 120;
const RANK = ["queued", "sending", "sent", "failed", "delivered", "read"];
const WORDS = {
  pending: "Sending…", queued: "Queued", sending: "Sending", sent: "Sent",
  delivered: "Delivered", read: "Read", failed: "Failed",
};

export class Conversation {
  #list = document.getElementById("messages");
  #log = document.getElementById("log");
  #jump = document.getElementById("jump");
  #template = document.getElementById("message-template");
  #isFollowing = true;
  #page;

  constructor(page) {
    this.#page = page;
    this.toEnd();
    this.#jump.addEventListener("click", () => this.toEnd());
    this.#log.addEventListener("scroll", () => {
      this.#isFollowing = this.#isNearEnd();
      if (this.#isFollowing) this.#jump.hidden = true;
    });
    // A keyboard that opens or a window that shrinks must not hide what was just said.
    new ResizeObserver(() => this.#isFollowing && this.toEnd()).observe(this.#log);
    this.#keepPlaceWhenEarlierOnesCome();
  }

  /** Show a message that is not shown yet; what is shown is at least as new. */
  show(message) {
    if (this.#byId(message.id)) return;
    const bubble = this.#adopt(message) ?? this.#blank();
    const follows = this.#isNearEnd();
    this.#fill(bubble, message);
    delete bubble.dataset.draft;
    this.#place(bubble, message.seq);
    this.#afterGrowth(follows || message.author?.id === this.#page.me);
  }

  /** Move a shown message's status forward; one that is not shown is read when it is. */
  update(message) {
    const bubble = this.#byId(message.id);
    if (!bubble || RANK.indexOf(message.status) < RANK.indexOf(bubble.dataset.status)) return;
    this.#fill(bubble, message);
  }

  /** Show a draft at once; the server's message takes its place. */
  showDraft(draft) {
    const bubble = this.#blank();
    bubble.dataset.draft = draft.key;
    this.#fill(bubble, {
      ...draft, id: "", seq: "", status: "pending", author: { id: this.#page.me, name: "You" },
      created_at: new Date().toISOString(),
    });
    this.#list.append(bubble);
    this.#afterGrowth(true);
    return bubble;
  }

  removeDraft(key) {
    this.#list.querySelector(`[data-draft="${key}"]`)?.remove();
  }

  toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#jump.hidden = true;
  }

  #byId(id) {
    return this.#list.querySelector(`[data-id="${Number(id)}"]`);
  }

  /** The socket may be faster than the answer to our own POST: then the draft's bubble is it. */
  #adopt(message) {
    if (message.author?.id !== this.#page.me) return undefined;
    return [...this.#list.querySelectorAll("[data-draft]")].find(
      (bubble) =>
        bubble.dataset.kind === message.kind &&
        bubble.querySelectorAll(".files li").length === message.attachments.length &&
        bubble.querySelector('[data-field="body"]').textContent === message.body,
    );
  }

  #blank() {
    return this.#template.content.firstElementChild.cloneNode(true);
  }

  #fill(bubble, message) {
    const field = (name) => bubble.querySelector(`[data-field="${name}"]`);
    Object.assign(bubble.dataset, {
      id: message.id, seq: message.seq, kind: message.kind, status: message.status,
      author: message.author?.id ?? "",
    });
    field("who").textContent = message.author?.name ?? this.#stranger(message.kind);
    field("body").textContent = message.body;
    field("state").textContent = WORDS[message.status] ?? message.status;
    const isFailed = message.status === "failed" && message.error;
    field("error").textContent = isFailed ? `: ${message.error}` : "";
    field("files").replaceChildren(...message.attachments.map(fileItem));
    setTime(bubble.querySelector("time"), message.created_at);
  }

  #stranger(kind) {
    return kind === "inbound" ? this.#page.contact : "Steadydesk";
  }

  #place(bubble, seq) {
    this.#list.querySelector(".no-messages")?.remove();
    const later = [...this.#list.querySelectorAll(".message")].find(
      (other) => other !== bubble && (other.dataset.draft || Number(other.dataset.seq) > seq),
    );
    this.#list.insertBefore(bubble, later ?? null);
  }

  #isNearEnd() {
    return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < NEAR_END_PX;
  }

  #afterGrowth(follows) {
    if (follows) this.toEnd();
    else this.#jump.hidden = false;
  }

  #keepPlaceWhenEarlierOnesCome() {
    let height = 0;
    this.#list.addEventListener("htmx:beforeSwap", () => {
      height = this.#log.scrollHeight;
    });
    this.#list.addEventListener("htmx:afterSwap", () => {
      this.#log.scrollTop += this.#log.scrollHeight - height;
    });
  }
}

function fileItem(file) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = `/api/v1/attachments/${Number(file.id)}`;
  link.download = "";
  link.textContent = file.filename;
  item.append(link, ` ${Math.ceil(file.size / 1024)} KB`);
  return item;
}
