// What every page needs around htmx: short addresses, words for what fails, and the focus kept.

const notice = document.getElementById("notice");
let isAboutNetwork = false;

function say(words, { network = false } = {}) {
  isAboutNetwork = network;
  notice.textContent = words;
  notice.hidden = !words;
}

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (!detail.elt.matches("[data-drop-empty]")) return;
  for (const [name, value] of [...detail.formData.entries()]) {
    if (!value) detail.formData.delete(name);
  }
});
// Words about a refusal stay until the next attempt, for the page itself reads in between.
document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  if (detail.requestConfig.verb !== "get") say("");
});
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.successful && isAboutNetwork) say("");
});
document.addEventListener("refused", ({ detail }) => say(detail.words));
document.addEventListener("htmx:sendError", () => {
  say("The server cannot be reached. Nothing was changed; try again.", { network: true });
});
document.addEventListener("htmx:responseError", ({ detail }) => {
  const trace = detail.xhr.getResponseHeader("X-Trace-Id");
  say(`The server answered ${detail.xhr.status}. Try again.${trace ? ` (Trace ${trace})` : ""}`);
});
// A control that was disabled while its request ran has lost the focus; give it back.
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  const control = detail.requestConfig?.triggeringEvent?.target;
  if (document.activeElement !== document.body || !control?.id) return;
  document.getElementById(control.id)?.focus();
});
