// Names and numbers on the map: which of them fit at this zoom, placed so that none covers another or a pin.
"use strict";

gismap.annotations = (map) => {
  const FONT_PX = { 2: 15, 3: 12.5, 4: 11.5, 5: 11 };
  const CHIP_PX = 20;
  const WITHHELD = "—"; // a count that is not published: too small, or one that would give such a count away
  const NUMBERS_FROM = 17.2; // zoom from which buildings bear their numbers
  const BUILDING_NUMBER = /\d+(号楼|号院|号|栋|幢)?$/;
  const STREET_FONT_PX = 11;
  const STREET_NAMES_FROM = {
    trunk: 13, primary: 13.5, secondary: 14.5, tertiary: 15.5, residential: 16.5, lane: 17, track: 17,
  };
  const DOT_PX = 6;
  const ROOM = { leaf: 0.9, parent: 0.7 }; // how wide a unit is beside its name, at least
  const MOST_HAVE_ROOM = 1.3; // leaves are named once the middle one of their level is this wide beside its name
  // The names of leaves stay where they are or just above and below, so that none strays into a neighbour.
  const spots = (wide, high, isLeaf, isNumbered) => {
    const [across, down] = [wide / 2 + DOT_PX + 2, high / 2 + DOT_PX + 2];
    const near = [[0, 0], [0, down], [0, -down]];
    const beside = isLeaf ? [] : [[across, 0], [-across, 0]];
    return isNumbered ? [...near, [0, 2 * down], [0, -2 * down], ...beside] : [...near, ...beside];
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
      return shown === null ? WITHHELD : shown || null;
    },
  };

  function chips(unit) {
    return [...counted].flatMap((name) => {
      const value = VALUES[name](unit);
      if (value === null || value === undefined) return [];
      const text = typeof value === "number" ? gismap.number(value) : value;
      return [{ text: `${gismap.symbol(name).sign} ${text}`, name }];
    });
  }

  function written(className, [left, top, right, bottom], origin) {
    const tag = L.DomUtil.create("div", className);
    tag.style.transform = `translate(${Math.round(origin.x + (left + right) / 2)}px,`
      + `${Math.round(origin.y + (top + bottom) / 2)}px) translate(-50%,-50%)`;
    return tag;
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
        const fits = font && own > wide * (unit.leaf ? ROOM.leaf : ROOM.parent)
          && (!unit.leaf || side > wide * MOST_HAVE_ROOM);
        if (fits || row.length) wanted.push({ unit, at, font, row, wide, fits });
      }
    }
    wanted.sort((one, other) => (other.row.length - one.row.length) || one.unit.level - other.unit.level
      || other.unit.area - one.unit.area);
    const out = [];
    const isFree = (box) => taken.every((other) =>
      box[2] < other[0] || box[0] > other[2] || box[3] < other[1] || box[1] > other[3]);
    const place = ({ unit, at }, boxWide, boxHigh, isNumbered) => spots(boxWide, boxHigh, unit.leaf, isNumbered)
      .map(([dx, dy]) => [at.x + dx - boxWide / 2, at.y + dy - boxHigh / 2])
      .map(([left, top]) => [left, top, left + boxWide, top + boxHigh])
      .find(isFree);
    for (const one of wanted) {
      const { unit, font, row, wide } = one;
      const chipWides = row.map((chip) => width(chip.text, 11) + 14);
      const inRow = [chipWides.reduce((sum, chipWide) => sum + chipWide, 0), row.length ? CHIP_PX : 0];
      const stacked = [Math.max(...chipWides), row.length * CHIP_PX];
      let form = "";
      let isNamed = one.fits;
      let spot = isNamed && place(one, Math.max(wide, inRow[0]) + 6, font * 1.3 + inRow[1] + 2, row.length > 0);
      if (!spot && row.length) {
        isNamed = false; // in a crowd the numbers may do without the name, and stand on each other
        spot = place(one, inRow[0] + 6, inRow[1] + 2, true);
        if (!spot) {
          form = " stacked";
          spot = place(one, stacked[0] + 4, stacked[1] + 2, true);
        }
      }
      if (!spot) continue;
      taken.push(spot);
      const tag = written(`tag level-${unit.level}`, spot, origin);
      if (isNamed) L.DomUtil.create("span", "name", tag).textContent = unit.label;
      if (row.length) {
        L.DomUtil.create("span", `chips${form}`, tag).innerHTML =
          row.map((chip) => `<i class="s-${chip.name}">${chip.text}</i>`).join("");
      }
      out.push(tag);
    }
    if (gismap.isStreets() && !gismap.doc.fill) {
      for (const [name, street, lon, lat] of gismap.doc.street_names) {
        if (zoom < STREET_NAMES_FROM[street]) continue;
        const at = map.latLngToContainerPoint([lat, lon]);
        if (at.x < 0 || at.y < 0 || at.x > size.x || at.y > size.y) continue;
        const half = width(name, STREET_FONT_PX) / 2 + 3;
        const box = [at.x - half, at.y - 9, at.x + half, at.y + 9];
        if (!isFree(box)) continue;
        taken.push(box);
        out.push(written(`tag street ${street}`, box, origin));
        out.at(-1).textContent = name;
      }
    }
    if (zoom >= NUMBERS_FROM) {
      for (const building of gismap.buildingsShown()) {
        const number = building.feature.properties.name?.match(BUILDING_NUMBER)?.[0];
        if (!number || !building.getBounds().intersects(map.getBounds())) continue;
        const at = map.latLngToContainerPoint(building.getBounds().getCenter());
        const half = width(number, STREET_FONT_PX) / 2 + 1;
        const box = [at.x - half, at.y - 8, at.x + half, at.y + 8];
        if (!isFree(box)) continue;
        taken.push(box);
        out.push(written("tag number", box, origin));
        out.at(-1).textContent = number;
      }
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
