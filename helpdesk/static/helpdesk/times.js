// Keeps relative times true while the page is open. Says the same words as helpdesk/web/rows.py.

const UNITS = [
  [86_400, "d"],
  [3600, "h"],
  [60, "min"],
];
const WEEK_SECONDS = 7 * 86_400;
const date = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric", timeZone: "UTC",
});
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: "UTC" });

export function ago(at, now = Date.now()) {
  const seconds = (now - at) / 1000;
  if (seconds >= WEEK_SECONDS) return date.format(at);
  for (const [size, unit] of UNITS) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit} ago`;
  }
  return "now";
}

export function setTime(element, iso) {
  const at = new Date(iso);
  element.dateTime = iso;
  element.title = `${date.format(at)}, ${clock.format(at)} UTC`;
  element.textContent = ago(at);
}

function refresh() {
  for (const element of document.querySelectorAll("time[datetime]")) {
    const words = ago(new Date(element.dateTime));
    if (element.textContent !== words) element.textContent = words;
  }
}

setInterval(refresh, 30_000);
addEventListener("pageshow", refresh);
