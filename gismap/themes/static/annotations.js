// Names and numbers on the map: which of them fit at this zoom, placed so that none covers another or a pin.
"use strict";

gismap.annotations = (map) => {
  const FONT_PX = { 2: 15, 3: 12.5, 4: 11.5, 5: 11 };
  const CHIP_PX = 20;
  const DOT_PX = 6;
  const ROOM = { leaf: 0.9, parent: 0.7 }; // how wide a unit is beside its name, at least
  const MOST_HAVE_ROOM = 1.3; // leaves are named once the middle one of their level is this wide beside its name
  // The names of leaves stay where they are or just above and below, so that none strays into a neighbour.
  const spots = (wide, high, isLeaf) => {
    const [across, down] = [wide / 2 + DOT_PX + 2, high / 2 + DOT_PX + 2];
    const near = [[0, 0], [0, down], [0, -down]];
    return isLeaf ? near : [...near, [across, 0], [-across, 0]];
  };
  const pane = map.getPane("tags");
  const counted = new Set(); // names of the layers whose numbers are shown on units
  const short = (unit) => {
    const above = gismap.units[unit.parent]?.name ?? "";
    const rest = unit.name.startsWith(above) ? unit.name.slice(above.length) : unit.name;
    return unit.leaf && rest.trim() ? rest.trim() : unit.name;
  };
  const width = (text, size) => [...text].reduce((sum, char) => sum + (char > "⺀" ? 1 : 0.58), 0) * size;
  const byLevel = new Map();
  for (const unit of gismap.units) {
    unit.label = short(unit);
    byLevel.set(unit.level, [...(byLevel.get(unit.level) ?? []), unit]);
  }
  const levels = [...byLevel.keys()].sort();
  const VALUES = {
    buildings: (unit) => (gismap.outlines && map.getZoom() >= gismap.OUTLINES_FROM ? null : unit.buildings || null),
    households: (unit) => unit.households || null,
    care_persons: (unit) => {
      const shown = gismap.doc.care.counts[unit.index]?.[""];
      return shown === null ? "<5" : shown || null;
    },
  };

  function chips(unit) {
    return [...counted].flatMap((name) => {
      const value = VALUES[name](unit);
      if (value === null || value === undefined) return [];
      const text = typeof value === "number" ? gismap.number(value) : "&lt;5";
      return [{ text: `${gismap.symbol(name).sign} ${text}`, name }];
    });
  }

  function draw() {
    const zoom = map.getZoom();
    const size = map.getSize();
    const origin = map.containerPointToLayerPoint([0, 0]);
    const frame = map.getContainer().getBoundingClientRect();
    const taken = [...map.getPane("markerPane").querySelectorAll(".leaflet-marker-icon")].map((icon) => {
      const box = icon.getBoundingClientRect();
      return [box.left - frame.left, box.top - frame.top, box.right - frame.left, box.bottom - frame.top];
    });
    for (const { at } of gismap.dotted()) {
      const { x, y } = map.latLngToContainerPoint(at);
      taken.push([x - DOT_PX, y - DOT_PX, x + DOT_PX, y + DOT_PX]);
    }
    const numbered = levels.filter((level) => gismap.sidePx(level) >= 58).pop() ?? levels[0];
    const wanted = [];
    for (const level of levels) {
      const side = gismap.sidePx(level);
      for (const unit of byLevel.get(level)) {
        const at = map.latLngToContainerPoint(unit.at);
        if (at.x < 0 || at.y < 0 || at.x > size.x || at.y > size.y) continue;
        const font = FONT_PX[level] ?? 0;
        const row = counted.size && level === numbered ? chips(unit) : [];
        const wide = width(unit.label, font);
        const own = (side * Math.sqrt(unit.area)) / gismap.medianSides[level];
        const fits = font && own > wide * (unit.leaf ? ROOM.leaf : ROOM.parent) && (!unit.leaf || side > wide * MOST_HAVE_ROOM);
        if (fits || row.length) wanted.push({ unit, at, font, row, wide, fits });
      }
    }
    wanted.sort((one, other) => (other.row.length - one.row.length) || one.unit.level - other.unit.level
      || other.unit.area - one.unit.area);
    const out = [];
    for (const { unit, at, font, row, wide, fits } of wanted) {
      const rowWide = row.reduce((sum, chip) => sum + width(chip.text.replace("&lt;", "<"), 11) + 14, 0);
      const boxWide = Math.max(fits ? wide : 0, rowWide) + 6;
      const boxHigh = (fits ? font * 1.3 : 0) + (row.length ? CHIP_PX : 0) + 2;
      const spot = spots(boxWide, boxHigh, unit.leaf)
        .map(([dx, dy]) => [at.x + dx - boxWide / 2, at.y + dy - boxHigh / 2, at.x + dx + boxWide / 2, at.y + dy + boxHigh / 2])
        .find((box) => taken.every((other) =>
          box[2] < other[0] || box[0] > other[2] || box[3] < other[1] || box[1] > other[3]));
      if (!spot) continue;
      taken.push(spot);
      const tag = L.DomUtil.create("div", `tag level-${unit.level}`);
      if (fits) L.DomUtil.create("span", "name", tag).textContent = unit.label;
      if (row.length) {
        L.DomUtil.create("span", "chips", tag).innerHTML =
          row.map((chip) => `<i class="s-${chip.name}">${chip.text}</i>`).join("");
      }
      tag.style.transform = `translate(${Math.round(origin.x + (spot[0] + spot[2]) / 2)}px,`
        + `${Math.round(origin.y + (spot[1] + spot[3]) / 2)}px) translate(-50%,-50%)`;
      out.push(tag);
    }
    pane.replaceChildren(...out);
  }

  let waiting = 0;
  const later = () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(draw);
  };
  map.on("moveend zoomend resize viewreset", later);
  map.on("zoomstart", () => pane.replaceChildren());
  return {
    count(name, on) {
      counted[on ? "add" : "delete"](name);
      later();
    },
    refresh: later,
  };
};
