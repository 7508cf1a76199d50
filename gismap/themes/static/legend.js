// The legend, which is also the control of layers: what is listed is what is drawn, with its count; a click hides it.
"use strict";

{
  const { make } = gismap;
  const say = (key, values) => gismap.say(key, values);
  const tops = () => gismap.units.filter((unit) => unit.parent < 0);
  const total = (field) => tops().reduce((sum, unit) => sum + unit[field], 0);
  const isShown = (name) => gismap.doc.theme.shown.includes(name);
  const isOf = (name) => gismap.doc.theme.layers.includes(name);

  function section(list, title, note) {
    const box = make("fieldset", "", list);
    make("legend", "", box, title);
    if (note) make("p", "note", box, note);
    return box;
  }

  const mark = (className, sign = "") => make("i", className, null, sign);

  function entry(box, sign, text, count, on, toggle) {
    const row = make("label", "entry", box);
    const input = make("input", "", row);
    input.type = "checkbox";
    input.checked = on;
    input.addEventListener("change", () => toggle(input.checked));
    row.append(sign);
    make("span", "text", row, text);
    if (count !== null) make("b", "count", row, typeof count === "number" ? gismap.number(count) : count);
  }

  function fills(list, layers) {
    const { fill } = gismap.doc;
    if (!fill) return;
    const box = section(list, fill.title, fill.note);
    fill.entries.forEach((one, kind) => entry(box, mark(`swatch k-${kind}`), one.label, one.count, true, (on) => {
      gismap.hiddenClasses[on ? "delete" : "add"](kind);
      for (const [name, layer] of Object.entries(layers)) if (name.startsWith("level-")) layer.leaves.resetStyle();
    }));
  }

  function heat(list, layers, switched) {
    if (!layers.heat) return;
    const box = section(list, say("heat"), say("heat_note"));
    entry(box, mark("swatch heat-swatch"), say("places"), gismap.doc.places.length, true, switched(layers.heat));
    const ramp = make("div", "heat-ramp", box);
    make("span", "", ramp, say("few"));
    make("i", "", ramp);
    make("span", "", ramp, say("many"));
  }

  function boundaries(list, layers, switched) {
    const { levels, streets } = gismap.doc;
    const box = section(list, say("boundaries"));
    for (const [level, style] of Object.entries(levels)) {
      const layer = layers[`level-${level}`];
      if (layer) {
        const count = gismap.units.filter((unit) => unit.level === Number(level)).length;
        entry(box, mark(`line level-${level}`), style.title, count, isShown("grids"), switched(layer));
      }
    }
    if (layers.streets) {
      const count = Object.values(streets).reduce((sum, street) => sum + street.count, 0);
      entry(box, mark("line street"), say("streets"), count, isShown("streets"), switched(layers.streets));
    }
  }

  function people(list, layers, notes, switched) {
    const { buildings, symbols, care } = gismap.doc;
    const box = section(list, say("people_and_houses"));
    const item = (name, count, toggle) => {
      const { sign, title } = symbols.layers[name];
      entry(box, mark(`sign s-${name}`, sign), title, count, isShown(name), toggle);
    };
    const numbers = (name, count) => item(name, count, (on) => notes.count(name, on));
    if (layers.staff) item("staff", total("staff"), switched(layers.staff));
    if (layers.buildings) {
      const count = total("buildings");
      item("buildings", count, (on) => {
        switched(layers.buildings)(on);
        notes.count("buildings", on && !buildings.length);
      });
      if (count && !buildings.length && gismap.outlines) {
        gismap.outlines(gismap.map, layers.buildings, notes);
        make("p", "note", box, say("outlines_note"));
      }
    }
    if (isOf("households")) numbers("households", total("households"));
    if (isOf("care_persons") && care.month) {
      // Told only where there is one topmost unit: sums of several would tell what is withheld in one.
      const [top, ...others] = tops();
      const all = others.length ? undefined : care.counts[top.index]?.[""];
      numbers("care_persons", all === null ? gismap.WITHHELD : all ?? null);
    }
    if (box.children.length === 1) box.remove();
    else if (isOf("care_persons")) make("p", "note", box, say("care_note"));
  }

  function places(list, layers, notes) {
    const { symbols } = gismap.doc;
    if (!layers.points) {
      if (isOf("key_places") && !layers.heat) make("p", "empty", list, say("no_places"));
      return;
    }
    const box = section(list, say("places_and_stations"));
    for (const group of Object.keys({ ...symbols.groups, ...symbols.layers }).filter((name) => gismap.pins[name])) {
      const on = isShown(group) || (group in symbols.groups && isShown("key_places"));
      const pins = gismap.pins[group];
      if (!on) layers.points.removeLayers(pins);
      const { sign, title } = gismap.symbol(group);
      entry(box, mark(`sign s-${group}`, sign), title, pins.length, on, (wanted) => {
        layers.points[wanted ? "addLayers" : "removeLayers"](pins);
        notes.refresh();
      });
    }
  }

  gismap.legend = (map, layers, notes) => {
    const { theme, teams } = gismap.doc;
    const root = document.getElementById("legend");
    gismap.search(make("div", "search", root));
    const list = make("div", "layers", root);
    make("h2", "", list, theme.title);
    make("p", "says", list, theme.says);
    const switched = (layer) => (on) => {
      map[on ? "addLayer" : "removeLayer"](layer);
      gismap.restack();
      notes.refresh();
    };
    fills(list, layers);
    heat(list, layers, switched);
    boundaries(list, layers, switched);
    people(list, layers, notes, switched);
    places(list, layers, notes);
    if (!Object.keys(teams).length && layers.staff) make("p", "empty", list, say("no_staff"));
    make("p", "state", list, gismap.state());
  };
}
