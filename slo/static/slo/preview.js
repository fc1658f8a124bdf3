// Shows what an objective would say while its form is edited; saves nothing.
const target = document.getElementById("slo-preview");
const form = target?.closest("form");
let timer, latest = 0;

async function preview() {
  const number = ++latest;
  const response = await fetch(target.dataset.url, { method: "POST", body: new FormData(form) });
  if (number === latest && response.ok) target.innerHTML = await response.text();
}

if (form) {
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(preview, 400); });
  form.addEventListener("change", () => { clearTimeout(timer); timer = setTimeout(preview, 100); });
  preview();
}
