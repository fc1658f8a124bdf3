// Writing: a draft has one key for as long as it is the same draft, so sending it again is safe.

import { Files } from "./files.js";

const RETRIES = 2;
const RETRY_MS = 600;
const MAY_PASS = new Set([429, 502, 503, 504]);
const PLACEHOLDERS = { outbound: "Write to the customer", note: "Write a note for colleagues" };

export class Composer {
  #form = document.getElementById("composer");
  #field = this.#form.elements.body;
  #error = document.getElementById("composer-error");
  #hint = document.getElementById("composer-hint");
  #url;
  #conversation;
  #files;
  #failed = null; // the draft that was not sent, while its text is back in the field

  constructor(url, conversation) {
    this.#url = url;
    this.#conversation = conversation;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#form.addEventListener("change", () => this.#showKind());
    this.#field.addEventListener("keydown", (event) => this.#sendOnEnter(event));
    this.#field.addEventListener("input", () => this.#fit());
    this.#files = new Files(this.#form, {
      onChange: () => this.#showBusy(),
      onProblem: (words) => this.#complain(words),
    });
    this.#showKind();
  }

  /** A closed ticket takes notes only. */
  setClosed(isClosed) {
    const [reply, note] = this.#form.elements.kind;
    reply.disabled = isClosed;
    if (isClosed) note.checked = true;
    this.#showKind();
  }

  #showKind() {
    const kind = this.#form.elements.kind.value;
    this.#form.dataset.kind = kind;
    this.#field.placeholder = PLACEHOLDERS[kind];
    const isClosed = this.#form.elements.kind[0].disabled;
    const notes = isClosed ? "The ticket is closed: notes only." : "Only colleagues see notes.";
    this.#hint.textContent = kind === "note" ? notes : "";
  }

  #sendOnEnter(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#form.requestSubmit();
  }

  #fit() {
    this.#field.rows = Math.min(8, Math.max(2, this.#field.value.split("\n").length));
  }

  #showBusy() {
    this.#form.querySelector("[type=submit]").disabled = Boolean(this.#files?.isBusy);
  }

  #complain(words) {
    this.#error.textContent = words;
    this.#error.hidden = false;
  }

  #draft() {
    const [kind, body] = [this.#form.elements.kind.value, this.#field.value.trim()];
    const [last, attachments] = [this.#failed, this.#files.uploaded];
    const isSame = last?.kind === kind && last.body === body && sameIds(last, { attachments });
    return isSame ? last : { key: crypto.randomUUID(), kind, body, attachments };
  }

  async #submit() {
    const draft = this.#draft();
    if (!draft.body || this.#files.isBusy) return;
    this.#clear();
    this.#conversation.showDraft(draft);
    try {
      this.#conversation.show(await this.#post(draft));
    } catch (error) {
      this.#giveBack(draft, error);
    }
    this.#conversation.removeDraft(draft.key);
  }

  #clear() {
    this.#failed = null;
    this.#error.hidden = true;
    this.#field.value = "";
    this.#files.clear();
    this.#fit();
    this.#field.focus();
  }

  /** The text is the user's: it comes back, in front of what they wrote meanwhile. */
  #giveBack(draft, error) {
    this.#failed = draft;
    const meanwhile = this.#field.value;
    this.#field.value = meanwhile ? `${draft.body}\n${meanwhile}` : draft.body;
    for (const choice of this.#form.elements.kind) choice.checked = choice.value === draft.kind;
    this.#files.giveBack(draft.attachments);
    this.#complain(`Not sent: ${error.message} Your text is kept; send it again.`);
    this.#showKind();
    this.#fit();
  }

  async #post(draft, attempt = 0) {
    let response = null;
    try {
      response = await fetch(this.#url, this.#request(draft));
    } catch {
      response = null; // the network, which tells scripts nothing more
    }
    const mayPass = !response || MAY_PASS.has(response.status);
    if (mayPass && attempt < RETRIES) {
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS * (attempt + Math.random())));
      return this.#post(draft, attempt + 1);
    }
    if (!response) throw new Error("The server cannot be reached.");
    if (!response.ok) throw new Error(await reason(response));
    return response.json();
  }

  #request(draft) {
    return {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        Accept: "application/json",
        "Idempotency-Key": draft.key,
        "X-CSRFToken": this.#form.elements.csrfmiddlewaretoken.value,
      },
      body: JSON.stringify({ body: draft.body, kind: draft.kind, attachments: ids(draft) }),
    };
  }
}

const ids = ({ attachments }) => attachments.map(({ id }) => id);
const sameIds = (one, other) => ids(one).join() === ids(other).join();

async function reason(response) {
  try {
    return (await response.json()).detail;
  } catch {
    return `The server answered ${response.status}.`;
  }
}
