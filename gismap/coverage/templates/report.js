"use strict";
// Zoom and pan of the map by its view box; cards and numbers choose one another. Without script the page can be read.
(() => {
  const map = document.getElementById("map");
  if (!map) return;
  const whole = map.viewBox.baseVal, home = [whole.x, whole.y, whole.width, whole.height];
  let box = [...home];
  const pins = [...map.querySelectorAll(".m .pin")];
  const show = (next) => {
    const width = Math.min(Math.max(next[2], home[2] / 20000), home[2] * 1.5);
    const factor = width / next[2];
    box = [next[0] + next[2] * (1 - factor) / 2, next[1] + next[3] * (1 - factor) / 2, width, next[3] * factor];
    map.setAttribute("viewBox", box.map((number) => number.toFixed(4)).join(" "));
    const shown = map.getBoundingClientRect();
    const size = Math.max(box[2] / shown.width, box[3] / shown.height);
    for (const pin of pins) {
      const { x, y } = pin.parentNode.dataset;
      pin.setAttribute("transform", `translate(${x} ${y}) scale(${size})`);
    }
  };
  const choose = (number, scroll) => {
    for (const chosen of document.querySelectorAll(".chosen")) chosen.classList.remove("chosen");
    const card = document.getElementById(`d${number}`), mark = map.querySelector(`.m[data-n="${number}"]`);
    card?.classList.add("chosen");
    mark?.classList.add("chosen");
    if (mark) mark.parentNode.append(mark);
    if (scroll) card?.scrollIntoView({ block: "nearest" });
    if (card?.dataset.box) show(JSON.parse(card.dataset.box));
  };
  const at = (event) => {
    const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(map.getScreenCTM().inverse());
    return [place.x, place.y];
  };
  map.addEventListener("wheel", (event) => {
    event.preventDefault();
    const [x, y] = at(event), factor = event.deltaY > 0 ? 1.25 : 0.8;
    show([x - (x - box[0]) * factor, y - (y - box[1]) * factor, box[2] * factor, box[3] * factor]);
  }, { passive: false });
  let drag = null;
  map.addEventListener("pointerdown", (event) => { drag = { from: at(event), moved: false }; });
  window.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const [x, y] = at(event), dx = drag.from[0] - x, dy = drag.from[1] - y;
    drag.moved ||= Math.hypot(dx, dy) > box[2] / 200;
    if (drag.moved) show([box[0] + dx, box[1] + dy, box[2], box[3]]);
  });
  window.addEventListener("pointerup", (event) => {
    const mark = !drag?.moved && event.target.closest?.("#map .m");
    drag = null;
    if (mark) choose(mark.dataset.n, true);
  });
  map.addEventListener("keydown", (event) => {
    const mark = event.target.closest(".m");
    if (mark && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); choose(mark.dataset.n, true); }
  });
  for (const card of document.querySelectorAll("article[data-n]")) {
    card.addEventListener("click", () => choose(card.dataset.n, false));
    card.addEventListener("keydown", (event) => { if (event.key === "Enter") choose(card.dataset.n, false); });
  }
  document.getElementById("whole")?.addEventListener("click", () => show(home));
  new ResizeObserver(() => show(box)).observe(map);
})();
