// Names and numbers on the map: which of them fit at this zoom, placed so that none covers another or a pin.
"use strict";

gismap.annotations = (map) => {
  const GROUND_PX = 40075016.686 / 256;
  const FONT_PX = { 2: 15, 3: 12.5, 4: 11.5, 5: 11 };
  const CHIP_PX = 20;
  const DOT_PX = 6;
  const spots = (wide, high) => {
    const [across, down] = [wide / 2 + DOT_PX + 2, high / 2 + DOT_PX + 2];
    return [[0, 0], [0, down], [0, -down], [across, 0], [-across, 0]];
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
  const medianSide = new Map(levels.map((level) => {
    const sides = byLevel.get(level).map((unit) => Math.sqrt(unit.area)).sort((one, other) => one - other);
    return [level, sides[sides.length >> 1]];
  }));

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
    const perMetre = (2 ** zoom * 256) / (GROUND_PX * 256 * Math.cos((map.getCenter().lat * Math.PI) / 180));
    const origin = map.containerPointToLayerPoint([0, 0]);
    const frame = map.getContainer().getBoundingClientRect();
    const taken = [...map.getPane("markerPane").querySelectorAll(".leaflet-marker-icon")].map((icon) => {
      const box = icon.getBoundingClientRect();
      return [box.left - frame.left, box.top - frame.top, box.right - frame.left, box.bottom - frame.top];
    });
    if (gismap.isDotted()) {
      for (const index of Object.keys(gismap.doc.teams)) {
        const { x, y } = map.latLngToContainerPoint(gismap.units[index].at);
        taken.push([x - DOT_PX, y - DOT_PX, x + DOT_PX, y + DOT_PX]);
      }
    }
    const numbered = levels.filter((level) => medianSide.get(level) * perMetre >= 58).pop() ?? levels[0];
    const wanted = [];
    for (const level of levels) {
      for (const unit of byLevel.get(level)) {
        const at = map.latLngToContainerPoint(unit.at);
        if (at.x < 0 || at.y < 0 || at.x > size.x || at.y > size.y) continue;
        const font = FONT_PX[level] ?? 0;
        const row = counted.size && level === numbered ? chips(unit) : [];
        const wide = width(unit.label, font);
        const fits = font && Math.sqrt(unit.area) * perMetre > wide * (unit.leaf ? 0.8 : 0.55);
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
      const spot = spots(boxWide, boxHigh)
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
