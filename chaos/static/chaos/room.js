// Counts down between looks, and looks again every two seconds while somebody watches.
(() => {
  setInterval(() => {
    for (const element of document.querySelectorAll("#chaos-room [data-left]")) {
      const left = Math.max(0, Number(element.dataset.left) - 1);
      element.dataset.left = left;
      element.textContent = left ? `${left} s` : "over";
      const bar = element.closest(".room-fault")?.querySelector("progress");
      if (bar) bar.value = left;
    }
  }, 1000);
  setInterval(() => {
    const room = document.getElementById("chaos-room");
    if (room && !document.hidden && !room.matches(":focus-within")) room.dispatchEvent(new Event("chaos:look"));
  }, 2000);
})();
