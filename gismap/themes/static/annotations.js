// Names and numbers on the map: which of them fit at this zoom, placed so that none covers another or a pin.
"use strict";

gismap.annotations = (map) => {
  const FONT_PX = { 2: 15, 3: 12.5, 4: 11.5, 5: 11 };
  const CHIP_PX = 20;
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
      return shown === null ? gismap.WITHHELD : shown || null;
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

  // What is free of pins, dots and what was written before; a box that is given away is taken until the next drawing.
  function freeRoom() {
    const frame = map.getContainer().getBoundingClientRect();
    const taken = [...map.getPane("markerPane").querySelectorAll(".leaflet-marker-icon")].map((icon) => {
      const box = icon.getBoundingClientRect();
      return [box.left - frame.left, box.top - frame.top, box.right - frame.left, box.bottom - frame.top];
    });
    for (const { at } of gismap.dotted()) {
      const { x, y } = map.latLngToContainerPoint(at);
      taken.push([x - DOT_PX, y - DOT_PX, x + DOT_PX, y + DOT_PX]);
    }
    const isFree = (box) => taken.every((other) =>
      box[2] < other[0] || box[0] > other[2] || box[3] < other[1] || box[1] > other[3]);
    return {
      first(boxes) {
        const box = boxes.find(isFree);
        if (box) taken.push(box);
        return box;
      },
    };
  }

  function written(className, [left, top, right, bottom]) {
    const origin = map.containerPointToLayerPoint([0, 0]);
    const tag = L.DomUtil.create("div", className);
    tag.style.transform = `translate(${Math.round(origin.x + (left + right) / 2)}px,`
      + `${Math.round(origin.y + (top + bottom) / 2)}px) translate(-50%,-50%)`;
    return tag;
  }

  // A short text in the middle of its place, or nothing where there is no room.
  function caption(className, text, { x, y }, halfWide, halfHigh, room) {
    const box = room.first([[x - halfWide, y - halfHigh, x + halfWide, y + halfHigh]]);
    if (!box) return [];
    const tag = written(className, box);
    tag.textContent = text;
    return [tag];
  }

  function inView({ x, y }) {
    const size = map.getSize();
    return x >= 0 && y >= 0 && x <= size.x && y <= size.y;
  }

  // Units in view that are wide enough for their name or have numbers: these first, then from the top down.
  function unitsToWrite() {
    const numbered = levels.filter((level) => gismap.sidePx(level) >= 58).pop() ?? levels[0];
    const wanted = [];
    for (const level of levels) {
      const side = gismap.sidePx(level);
      const font = FONT_PX[level] ?? 0;
      for (const unit of byLevel.get(level)) {
        const at = map.latLngToContainerPoint(unit.at);
        if (!inView(at)) continue;
        const row = counted.size && level === numbered ? chips(unit) : [];
        const wide = width(unit.label, font);
        const own = (side * Math.sqrt(unit.area)) / gismap.medianSides[level];
        const fits = font && own > wide * (unit.leaf ? ROOM.leaf : ROOM.parent)
          && (!unit.leaf || side > wide * MOST_HAVE_ROOM);
        if (fits || row.length) wanted.push({ unit, at, font, row, wide, fits });
      }
    }
    return wanted.sort((one, other) => (other.row.length - one.row.length) || one.unit.level - other.unit.level
      || other.unit.area - one.unit.area);
  }

  // Name and numbers of a unit; in a crowd the numbers may do without the name, and stand on each other.
  function unitTag({ unit, at, font, row, wide, fits }, room) {
    const place = (boxWide, boxHigh) => room.first(spots(boxWide, boxHigh, unit.leaf, row.length > 0)
      .map(([dx, dy]) => [at.x + dx - boxWide / 2, at.y + dy - boxHigh / 2])
      .map(([left, top]) => [left, top, left + boxWide, top + boxHigh]));
    const chipWides = row.map((chip) => width(chip.text, 11) + 14);
    const inRow = [chipWides.reduce((sum, chipWide) => sum + chipWide, 0), row.length ? CHIP_PX : 0];
    const forms = [];
    if (fits) forms.push(["named", Math.max(wide, inRow[0]) + 6, font * 1.3 + inRow[1] + 2]);
    if (row.length) {
      forms.push(["bare", inRow[0] + 6, inRow[1] + 2]);
      forms.push(["stacked", Math.max(...chipWides) + 4, row.length * CHIP_PX + 2]);
    }
    for (const [form, boxWide, boxHigh] of forms) {
      const spot = place(boxWide, boxHigh);
      if (!spot) continue;
      const tag = written(`tag level-${unit.level}`, spot);
      if (form === "named") L.DomUtil.create("span", "name", tag).textContent = unit.label;
      if (row.length) {
        L.DomUtil.create("span", `chips ${form}`, tag).innerHTML =
          row.map((chip) => `<i class="s-${chip.name}">${chip.text}</i>`).join("");
      }
      return [tag];
    }
    return [];
  }

  function streetTags(room) {
    if (!gismap.isStreets() || gismap.doc.fill) return [];
    return gismap.doc.street_names.filter(([, street]) => map.getZoom() >= STREET_NAMES_FROM[street])
      .flatMap(([name, street, lon, lat]) => {
        const at = map.latLngToContainerPoint([lat, lon]);
        return inView(at) ? caption(`tag street ${street}`, name, at, width(name, STREET_FONT_PX) / 2 + 3, 9, room) : [];
      });
  }

  function numberTags(room) {
    if (map.getZoom() < NUMBERS_FROM) return [];
    return gismap.buildingsShown().flatMap((building) => {
      const number = building.feature.properties.name?.match(BUILDING_NUMBER)?.[0];
      if (!number || !building.getBounds().intersects(map.getBounds())) return [];
      const at = map.latLngToContainerPoint(building.getBounds().getCenter());
      return caption("tag number", number, at, width(number, STREET_FONT_PX) / 2 + 1, 8, room);
    });
  }

  // What is written first has the room: units, then streets, then buildings.
  function draw() {
    const room = freeRoom();
    const units = unitsToWrite().flatMap((one) => unitTag(one, room));
    pane.replaceChildren(...units, ...streetTags(room), ...numberTags(room));
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
