// The search box (grids, streets, places and buildings by name or code) and the sketch that measuring and searching an area share.
"use strict";

{
  const MOST = 8;
  const say = (key, values) => gismap.say(key, values);

  gismap.search = (box) => {
    const { make } = gismap;
    const input = make("input", "", box);
    Object.assign(input, { type: "search", placeholder: say("search_hint"), autocomplete: "off", id: "search" });
    input.setAttribute("aria-label", say("search_hint"));
    const list = make("ul", "found", box);
    list.id = "found";
    list.setAttribute("role", "listbox");
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-controls", "found");
    input.setAttribute("aria-expanded", false);
    let at = 0;

    // Buildings are too many for a page: a served one asks for those of a name, once.
    const asked = new Map();
    async function askForBuildings(wanted) {
      if (!gismap.doc.themes || wanted.length < 2 || asked.has(wanted)) return;
      asked.set(wanted, []);
      const query = new URLSearchParams({ layers: "buildings", name: wanted, limit: MOST });
      const answer = await fetch(`/api/resources?${query}`).catch(() => null);
      if (!answer?.ok) return;
      const { features } = await answer.json();
      asked.set(wanted, features.map(({ id, properties: { name, anchor: [lon, lat], unit, building } }) => ({
        name,
        where: unit?.name ?? "",
        sign: "sign s-buildings",
        go() {
          gismap.map.setView([lat, lon], 18);
          const home = gismap.units.find((one) => one.id === unit?.unit);
          gismap.showBuilding({ id, name, unit: home, ...building }, L.latLng(lat, lon));
        },
      })));
      if (input.value.trim() === wanted && document.activeElement === input) show();
    }

    function candidates(wanted) {
      const units = gismap.units.filter((unit) => unit.name.includes(wanted) || unit.code?.startsWith(wanted))
        .sort((one, other) => one.level - other.level || one.name.length - other.name.length)
        .map((unit) => ({
          name: unit.name,
          where: gismap.chain(unit).at(-1)?.name ?? "",
          sign: `line level-${unit.level}`,
          go() {
            gismap.fit(L.geoJSON(unit.shape).getBounds(), 60);
            gismap.showUnit(unit);
          },
        }));
      const places = Object.values(gismap.pins).flat().map((marker) => marker.place)
        .filter((place) => place.name?.includes(wanted))
        .map((place) => ({
          name: place.name,
          where: place.unit?.name ?? "",
          sign: `sign s-${place.group}`,
          go() {
            gismap.map.setView(place.at, Math.max(gismap.map.getZoom(), 17));
            gismap.showPlace(place);
          },
        }));
      const streets = gismap.doc.street_names.filter(([name]) => name.includes(wanted))
        .map(([name, , lon, lat]) => ({
          name,
          where: say("streets"),
          sign: "line street",
          go() {
            gismap.map.setView([lat, lon], Math.max(gismap.map.getZoom(), 17));
          },
        }));
      const buildings = asked.get(wanted) ?? [];
      const others = [...streets.slice(0, Math.max(2, MOST - units.length - places.length)), ...places, ...buildings];
      const found = [...units.slice(0, MOST - Math.min(3, others.length)), ...others].slice(0, MOST);
      return { found, total: units.length + streets.length + places.length + buildings.length };
    }

    function show() {
      const wanted = input.value.trim();
      const { found, total } = wanted ? candidates(wanted) : { found: [], total: 0 };
      list.replaceChildren(...found.map((one, index) => {
        const row = make("li", index === at ? "at" : "");
        row.id = `found-${index}`;
        row.setAttribute("role", "option");
        row.setAttribute("aria-selected", index === at);
        make("i", one.sign, row);
        make("b", "", row, one.name);
        make("span", "", row, one.where);
        row.addEventListener("mousedown", (event) => {
          event.preventDefault();
          choose(one);
        });
        return row;
      }));
      input.setAttribute("aria-expanded", found.length > 0);
      input.setAttribute("aria-activedescendant", found.length ? `found-${at}` : "");
      const summary = found.length ? say("found", { count: total }) : say("found_nothing", { name: wanted });
      if (wanted) make("li", "none", list, summary);
      return found;
    }

    function close() {
      list.replaceChildren();
      input.setAttribute("aria-expanded", false);
    }

    function choose(one) {
      if (!one) return;
      close();
      input.value = one.name;
      gismap.openSheet(null);
      one.go();
    }

    input.addEventListener("input", () => {
      at = 0;
      show();
      askForBuildings(input.value.trim());
    });
    input.addEventListener("blur", () => close());
    input.addEventListener("keydown", (event) => {
      const found = show();
      if (event.key === "ArrowDown") at = Math.min(at + 1, found.length - 1);
      else if (event.key === "ArrowUp") at = Math.max(at - 1, 0);
      else if (event.key === "Enter") return choose(found[at]);
      else if (event.key === "Escape") return close();
      else return undefined;
      event.preventDefault();
      return show();
    });
  };

  // Options of what is drawn above all layers and never catches the pointer.
  const renderer = L.svg({ pane: "sketch" });
  gismap.onTop = () => ({ pane: "sketch", renderer, interactive: false });

  // ---- a line or polygon, point by point; double click or Enter ends it, Escape gives it up
  let current = null;

  gismap.sketch = ({ closed, moved, done }) => {
    current?.stop();
    const { map } = gismap;
    const points = [];
    const Shape = closed ? L.polygon : L.polyline;
    const shape = Shape([], { ...gismap.onTop(), className: "sketch" }).addTo(map);
    const box = map.getContainer();
    map.doubleClickZoom.disable();
    box.classList.add("sketching");
    const add = (event) => {
      points.push(event.latlng);
      shape.setLatLngs(points);
    };
    const move = (event) => {
      if (!points.length) return;
      shape.setLatLngs([...points, event.latlng]);
      moved?.([...points, event.latlng]);
    };
    const end = () => {
      const kept = points.filter((point, index) => !index || !point.equals(points[index - 1]));
      stop();
      if (kept.length >= (closed ? 3 : 2)) done(kept);
      else shape.remove();
    };
    const key = (event) => {
      if (event.key === "Enter") {
        event.preventDefault(); // or the button that began this, which still has the focus, would begin anew
        end();
      }
      if (event.key !== "Escape") return;
      stop();
      shape.remove();
    };
    const stop = () => {
      current = null;
      map.off({ preclick: add, mousemove: move, dblclick: end });
      document.removeEventListener("keydown", key);
      box.classList.remove("sketching");
      gismap.tell("");
      shape.setLatLngs(points);
      setTimeout(() => map.doubleClickZoom.enable());
    };
    // `preclick` comes before a grid under the pointer opens its card, which `sketching` then prevents.
    map.on({ preclick: add, mousemove: move, dblclick: end });
    document.addEventListener("keydown", key);
    current = { stop: () => { stop(); shape.remove(); } };
    gismap.tell(say("sketch_hint"));
    return shape;
  };

  gismap.picking = false; // whether the next click on the map answers a question
  gismap.sketching = () => current !== null || gismap.picking;

  const metres = (points) => points.slice(1).reduce((sum, point, index) => sum + point.distanceTo(points[index]), 0);
  const spoken = (length) => (length >= 1000 ? `${(length / 1000).toFixed(2)} km` : `${length.toFixed(0)} m`);
  let measured = null;

  gismap.measure = () => {
    const { map } = gismap;
    measured?.forEach((one) => one.remove());
    const label = L.tooltip({ permanent: true, direction: "right", className: "length", pane: "popupPane" });
    const tell = (points) => label.setLatLng(points.at(-1)).setContent(spoken(metres(points))).addTo(map);
    const shape = gismap.sketch({ closed: false, moved: tell, done: tell });
    measured = [shape, label];
  };
}
