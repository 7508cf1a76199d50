// Builds the layers of a thematic map from the document in the page: streets, grids by level, staff, buildings, pins.
// What stands on and around the map (labels, cards, legend, tools) lives in the files beside this one.
"use strict";

window.gismap = {
  get doc() {
    const value = JSON.parse(document.getElementById("gismap-document").textContent);
    Object.defineProperty(this, "doc", { value });
    return value;
  },
  get units() {
    const { fields, units, shapes } = this.doc;
    const value = units.map((row, index) => {
      const unit = Object.fromEntries(fields.map((field, column) => [field, row[column]]));
      return Object.assign(unit, { index, at: L.latLng(unit.lat, unit.lon), shape: shapes[index] });
    });
    Object.defineProperty(this, "units", { value });
    return value;
  },
  say(key, values = {}) {
    return this.doc.texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
  },
  number(value) {
    return value.toLocaleString("en-US");
  },
  title(layer, category) {
    return this.doc.titles[layer]?.[category] ?? category; // one that an import brought along is its own title
  },
  // Pixels along the side of a unit of the middle size of its level, at this zoom: what tells how much detail it takes.
  sidePx(level) {
    const { map } = this;
    const metresPerPx = (40075016.686 * Math.cos((map.getCenter().lat * Math.PI) / 180)) / (256 * 2 ** map.getZoom());
    return this.medianSides[level] / metresPerPx;
  },
  get medianSides() {
    const sides = {};
    for (const { level, area } of this.units) (sides[level] ??= []).push(Math.sqrt(area));
    for (const [level, all] of Object.entries(sides)) {
      sides[level] = all.sort((one, other) => one - other)[all.length >> 1];
    }
    Object.defineProperty(this, "medianSides", { value: sides });
    return sides;
  },
  chain(unit) {
    const above = [];
    for (let at = unit.parent; at >= 0; at = this.units[at].parent) above.unshift(this.units[at]);
    return above;
  },
  WITHHELD: "—", // in place of a count that is not published: too small, or one that would give such a count away
  layers: {},
  pins: {}, // markers by group of places
};

// Panes exist before Folium adds the first layer; what is drawn in them never catches the pointer.
L.Map.addInitHook(function () {
  for (const [name, order] of [["land", 200], ["streets", 300], ["lifted", 450], ["sketch", 460], ["tags", 590]]) {
    const pane = this.createPane(name);
    pane.style.zIndex = order;
    pane.style.pointerEvents = "none";
  }
});

{
  const { layers } = gismap;
  const feature = (geometry, index) => ({ type: "Feature", properties: { index }, geometry });

  // ---- streets: one geometry per class, wider as one comes closer
  const STREETS = {
    trunk: ["#d8cbb0", 2.6], primary: ["#dacfb8", 2.1], secondary: ["#ded6c5", 1.6], tertiary: ["#e2dccf", 1.1],
    residential: ["#e5e1d7", 0.8], lane: ["#e8e5dd", 0.6], track: ["#e8e5dd", 0.5],
  };

  layers.streets = () => {
    const renderer = L.canvas({ pane: "streets", padding: 0.2 });
    const lines = Object.entries(gismap.doc.streets).reverse().map(([name, street]) =>
      L.geoJSON(street.shape, {
        pane: "streets", renderer, interactive: false, smoothFactor: 1.2,
        style: { color: STREETS[name][0], weight: STREETS[name][1], lineCap: "round" },
      }));
    lines.sort((one, other) => one.options.style.weight - other.options.style.weight);
    const group = L.layerGroup(lines);
    group.on("add", () => {
      const grow = () => {
        const wider = 2 ** Math.max(0, (group._map.getZoom() - 12.5) / 1.6);
        for (const line of lines) line.setStyle({ weight: Math.min(14, line.options.style.weight * wider) });
      };
      group._map.on("zoomend", grow);
      grow();
    });
    return group;
  };

  // ---- patterns: what tells kinds of grids apart where colours do not; the same tile fills grids and their swatch
  const TILE_PX = 8;
  const SLANTED = [[-1, 1, 1, -1], [-1, 9, 9, -1], [7, 9, 9, 7]]; // goes on where the next tile begins
  const STROKES = {
    lined: [[0, 4, 8, 4]],
    slanted: SLANTED,
    crossed: [...SLANTED, ...SLANTED.map(([x1, y1, x2, y2]) => [8 - x1, y1, 8 - x2, y2])],
    dotted: [[2, 2, 2.01, 2], [6, 6, 6.01, 6]], // a line without length would leave no trace
  };

  gismap.tile = ({ colour, pattern }) => {
    const canvas = document.createElement("canvas");
    canvas.width = TILE_PX;
    canvas.height = TILE_PX;
    const pen = canvas.getContext("2d");
    pen.fillStyle = colour;
    pen.fillRect(0, 0, TILE_PX, TILE_PX);
    pen.strokeStyle = "rgb(28 38 54 / .34)";
    pen.lineWidth = pattern === "dotted" ? 1.6 : 1;
    pen.lineCap = "round";
    for (const [x1, y1, x2, y2] of STROKES[pattern]) {
      pen.beginPath();
      pen.moveTo(x1, y1);
      pen.lineTo(x2, y2);
      pen.stroke();
    }
    return canvas;
  };

  const paint = (entry) => (entry.pattern === "plain" ? entry.colour
    : document.createElement("canvas").getContext("2d").createPattern(gismap.tile(entry), "repeat"));

  const CROWDED_PX = 30; // units smaller than this are drawn faintly, and their staff not at all

  // ---- grids: leaves answer the pointer and carry the fill, parents are borders only
  layers.level = (level) => {
    const { fill, levels } = gismap.doc;
    const style = levels[level];
    const paints = fill?.entries.map(paint);
    const members = gismap.units.filter((unit) => unit.level === level && unit.shape);
    const border = () => ({
      color: style.colour, weight: style.width_px, dashArray: style.dashed ? "4 3" : null, lineJoin: "round",
      opacity: isCrowded() ? 0.4 : 1,
    });
    const isCrowded = () => gismap.map && gismap.sidePx(level) < CROWDED_PX;
    const group = L.featureGroup();
    group.addLayer(L.geoJSON(members.filter((unit) => !unit.leaf).map((unit) => feature(unit.shape, unit.index)), {
      interactive: false, smoothFactor: 0.8, style: () => ({ ...border(), fill: false }),
    }));
    const leaves = L.geoJSON(members.filter((unit) => unit.leaf).map((unit) => feature(unit.shape, unit.index)), {
      smoothFactor: 0.8,
      style: ({ properties }) => {
        const kind = fill ? fill.classes[properties.index] : null;
        const shown = kind !== null && !gismap.hiddenClasses.has(kind);
        return {
          ...border(), fill: true, fillColor: shown ? paints[kind] : "#fff", fillOpacity: shown ? 0.82 : 0,
        };
      },
    });
    leaves.on("click", (event) => gismap.showUnit(gismap.units[event.layer.feature.properties.index], event.latlng));
    leaves.on("mouseover", (event) => gismap.lift(gismap.units[event.layer.feature.properties.index]));
    leaves.on("mouseout", () => gismap.lift(null));
    group.leaves = leaves;
    group.addLayer(leaves);
    let wasCrowded = null;
    group.fade = () => {
      if (isCrowded() === wasCrowded) return;
      wasCrowded = isCrowded();
      group.eachLayer((part) => part.setStyle({ opacity: border().opacity }));
    };
    return group;
  };
  gismap.hiddenClasses = new Set();

  // ---- staff: one dot per unit that has a team, at its anchor, where there is room for one
  layers.staff = () => {
    const { teams, symbols } = gismap.doc;
    const units = Object.keys(teams).map((index) => gismap.units[index]);
    const dots = (level) => L.geoJSON(
      units.filter((unit) => unit.level === level)
        .map((unit) => feature({ type: "Point", coordinates: [unit.lon, unit.lat] }, unit.index)),
      {
        pointToLayer: ({ properties }, at) => L.circleMarker(at, {
          radius: gismap.units[properties.index].leaf ? 3.5 : 5.5,
          color: "#fff", weight: 1.2, fillColor: symbols.layers.staff.colour, fillOpacity: 0.95,
        }),
      },
    );
    const levels = new Map([...new Set(units.map((unit) => unit.level))].map((level) => [level, dots(level)]));
    const group = L.featureGroup();
    group.isShown = (level) => group.hasLayer(levels.get(level));
    group.thin = () => {
      for (const [level, one] of levels) group[gismap.sidePx(level) < CROWDED_PX ? "removeLayer" : "addLayer"](one);
    };
    group.on("click", ({ propagatedFrom: { feature: { properties } }, latlng }) => {
      gismap.showUnit(gismap.units[properties.index], latlng);
    });
    return group;
  };

  // ---- buildings: outlines of all where the page holds them; else of those in view, once one has come close
  gismap.OUTLINES_FROM = 16; // zoom from which outlines are asked of the server; farther away grids bear their number

  layers.buildings = () => {
    const { outlines, buildings, symbols } = gismap.doc;
    const colour = symbols.layers.buildings.colour;
    const all = outlines.map((shape, index) => {
      const [id, name, floors, households, use, unit] = buildings[index];
      return { ...feature(shape), properties: { id, name, floors, households, use, unit: gismap.units[unit] } };
    });
    const group = L.geoJSON(all, {
      smoothFactor: 0.5, style: { color: colour, weight: 0.5, fillColor: colour, fillOpacity: 0.32 },
    });
    group.on("click", (event) => gismap.showBuilding(event.layer.feature.properties, event.latlng));
    return group;
  };

  // The same from a feature of the API.
  gismap.buildingFeature = ({ id, geometry, properties: { name, building, unit } }) => ({
    ...feature(geometry),
    properties: {
      ...building, id, name: name ?? building.address, unit: gismap.units.find((one) => one.id === unit?.unit),
    },
  });

  // ---- places: Folium's marker cluster calls these for every row and for every cluster
  const icons = {};

  gismap.symbol = (group) => gismap.doc.symbols.groups[group] ?? gismap.doc.symbols.layers[group];

  gismap.pin = ([lat, lon, index]) => {
    const [id, group, category, name, unit] = gismap.doc.places[index];
    icons[group] ??= L.divIcon({
      className: `pin s-${group}`, html: `<b>${gismap.symbol(group).sign}</b>`,
      iconSize: [24, 24], iconAnchor: [12, 12],
    });
    const marker = L.marker([lat, lon], { icon: icons[group], title: name ?? "", keyboard: true });
    const layer = group in gismap.doc.symbols.layers ? group : "key_places";
    marker.place = { id, group, layer, category, name, unit: gismap.units[unit], at: L.latLng(lat, lon) };
    marker.on("click", () => gismap.showPlace(marker.place));
    (gismap.pins[group] ??= []).push(marker);
    return marker;
  };

  // Pixels around a place that its cluster takes in: fewer as one comes closer.
  gismap.reach = (zoom) => Math.max(36, Math.min(64, 64 - 9 * (zoom - 14)));

  // A ring of the groups inside, and how many: colours as in the legend.
  gismap.cluster = (cluster) => {
    const inside = new Map();
    for (const { place } of cluster.getAllChildMarkers()) inside.set(place.group, (inside.get(place.group) ?? 0) + 1);
    const total = cluster.getChildCount();
    const around = 2 * Math.PI * 15;
    let start = 0;
    const arcs = [...inside].sort((one, other) => other[1] - one[1]).map(([group, count]) => {
      const length = (count / total) * around;
      const arc = `<circle class="s-${group}" r="15" cx="19" cy="19" stroke-dasharray="${length.toFixed(1)} ${around}"`
        + ` stroke-dashoffset="${(-start).toFixed(1)}"/>`;
      start += length;
      return arc;
    });
    return L.divIcon({
      className: "ring", iconSize: [38, 38],
      html: `<svg viewBox="0 0 38 38" aria-hidden="true">`
        + `<circle class="core" r="15" cx="19" cy="19"/>${arcs.join("")}</svg>`
        + `<b class="${total > 999 ? "many" : ""}">${total}</b>`,
    });
  };
}
