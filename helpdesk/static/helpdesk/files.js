// The files of a draft: uploaded when they are chosen, shown with a way out, given back with the text.

export class Files {
  #button = document.getElementById("attach");
  #input = document.getElementById("attach-files");
  #list = document.getElementById("draft-files");
  #url;
  #token;
  #most;
  #onChange;
  #onProblem;
  #chosen = []; // {name, uploaded: null | what the API answered}

  constructor(form, { onChange, onProblem }) {
    this.#url = form.dataset.filesUrl;
    this.#most = Number(form.dataset.mostFiles);
    this.#token = form.elements.csrfmiddlewaretoken.value;
    this.#onChange = onChange;
    this.#onProblem = onProblem;
    this.#button.addEventListener("click", () => this.#input.click());
    this.#input.addEventListener("change", () => this.add([...this.#input.files]));
    form.elements.body.addEventListener("paste", (event) => this.#addPasted(event));
    this.#show();
  }

  get isBusy() {
    return this.#chosen.some(({ uploaded }) => !uploaded);
  }

  get uploaded() {
    return this.#chosen.map(({ uploaded }) => uploaded).filter(Boolean);
  }

  clear() {
    this.#chosen = [];
    this.#show();
  }

  giveBack(uploaded) {
    this.#chosen.unshift(...uploaded.map((file) => ({ name: file.filename, uploaded: file })));
    this.#show();
  }

  add(files) {
    this.#input.value = ""; // or choosing the same file again would be no change
    if (this.#chosen.length + files.length > this.#most) {
      this.#onProblem(`A message carries at most ${this.#most} files.`);
      return;
    }
    for (const file of files) this.#upload(file);
  }

  #addPasted(event) {
    const files = [...event.clipboardData.files];
    if (!files.length) return;
    event.preventDefault();
    this.add(files);
  }

  async #upload(file) {
    const entry = { name: file.name, uploaded: null };
    this.#chosen.push(entry);
    this.#show();
    try {
      entry.uploaded = await this.#post(file);
    } catch (error) {
      this.#chosen = this.#chosen.filter((other) => other !== entry);
      this.#onProblem(`${file.name} was not uploaded: ${error.message}`);
    }
    this.#show();
  }

  async #post(file) {
    const body = new FormData();
    body.append("file", file);
    const headers = { Accept: "application/json", "X-CSRFToken": this.#token };
    const response = await fetch(this.#url, { method: "POST", headers, body }).catch(() => null);
    if (!response) throw new Error("the server cannot be reached.");
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(answer.detail ?? `the server answered ${response.status}.`);
    return answer;
  }

  #show() {
    this.#list.replaceChildren(...this.#chosen.map((entry) => this.#item(entry)));
    this.#list.hidden = !this.#chosen.length;
    this.#onChange();
  }

  #item(entry) {
    const item = document.createElement("li");
    const remove = document.createElement("button");
    item.classList.toggle("waiting", !entry.uploaded);
    remove.type = "button";
    remove.textContent = "✕";
    remove.setAttribute("aria-label", `Remove ${entry.name}`);
    remove.addEventListener("click", () => {
      this.#chosen = this.#chosen.filter((other) => other !== entry);
      this.#show();
    });
    item.append(entry.uploaded ? entry.name : `${entry.name} …`, remove);
    return item;
  }
}
