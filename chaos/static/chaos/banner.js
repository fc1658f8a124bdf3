// Makes the banner where the page has none, counts it down, and asks every few seconds what holds.
(() => {
  const url = new URL(document.currentScript.src).searchParams.get("url");
  const ASK_MS = 3000;
  let faults = [];
  let askedAt = 0;

  function place() {
    const found = document.getElementById("chaos-banner");
    if (found) return found;
    const made = document.createElement("aside");
    made.id = "chaos-banner";
    made.className = "chaos-banner";
    made.setAttribute("role", "status");
    made.hidden = true;
    document.body.prepend(made);
    return made;
  }

  function element(tag, ...children) {
    const made = document.createElement(tag);
    made.append(...children);
    return made;
  }

  function show() {
    const passed = (Date.now() - askedAt) / 1000;
    const left = faults
      .map(({ name, secondsLeft }) => [name, Math.ceil(secondsLeft - passed)])
      .filter(([, seconds]) => seconds > 0);
    const banner = place();
    banner.hidden = left.length === 0;
    const parts = left.map(([name, seconds]) => element("span", `${name} `, element("b", `${seconds} s`)));
    banner.replaceChildren(element("strong", "Chaos"), ...parts);
  }

  async function ask() {
    if (document.hidden) return;
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      faults = (await answer.json()).faults;
      askedAt = Date.now();
      show();
    } catch {
      // The server is away: what is known counts down by itself.
    }
  }

  function start() {
    ask();
    setInterval(ask, ASK_MS);
    setInterval(() => faults.length && show(), 1000);
    document.addEventListener("visibilitychange", ask);
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
