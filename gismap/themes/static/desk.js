// The two boxes of the start page: whose is this point, and what is in this area. Asks the server; draws the answers.
"use strict";

{
  const say = (key, values) => gismap.say(key, values);
  const { escape } = gismap;
  const LAYERS = ["buildings", "key_places", "service_stations", "supplies", "staff", "care_persons"];

  // Refusals are told in the reader's words: `refusals` has a text for a status, and others have one of their own.
  async function ask(address, refusals, body) {
    const answer = await fetch(address, body && {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    }).catch(() => { throw new Error(say("offline")); });
    if (!answer.ok) throw new Error(refusals[answer.status] ?? say("no_answer"));
    return answer.json();
  }

  gismap.desk = (map) => {
    const { make } = gismap;
    const root = document.getElementById("desk");
    const marks = L.layerGroup().addTo(map);
    const tabs = make("div", "tabs", root);
    tabs.setAttribute("role", "tablist");
    const panels = ["locate", "search_area"].map((name, index) => {
      const panel = make("div", "box", root);
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-label", say(name));
      const tab = make("button", "", tabs, say(name));
      tab.type = "button";
      tab.setAttribute("role", "tab");
      tab.addEventListener("click", () => {
        panels.forEach((other, position) => { other.hidden = position !== index; });
        [...tabs.children].forEach((other, position) => other.setAttribute("aria-selected", position === index));
        marks.clearLayers();
      });
      return panel;
    });
    locate(map, marks, panels[0]);
    area(map, marks, panels[1]);
    tabs.children[0].click();
    root.querySelector("#point").focus();
    gismap.sheet("desk");
  };

  const button = (parent, text, act, className = "") => {
    const element = gismap.make("button", className, parent, text);
    element.type = "button";
    element.addEventListener("click", act);
    return element;
  };

  async function answered(out, question) {
    out.innerHTML = "<div class=\"skeleton\"></div><div class=\"skeleton short\"></div>";
    out.setAttribute("aria-busy", "true");
    try {
      out.innerHTML = await question();
    } catch (error) {
      out.innerHTML = `<p class="problem">${escape(error.message)}</p>`;
    }
    out.removeAttribute("aria-busy");
  }

  const dot = (marks, at, className) => L.marker(at, {
    icon: L.divIcon({ className: `spot ${className}`, iconSize: [22, 22] }), interactive: false,
  }).addTo(marks);

  // A click on the map answers the box that waits for it, once; on a phone the box makes room meanwhile.
  function pick(map, done) {
    const box = map.getContainer();
    const wasOpen = gismap.openSheet(null);
    box.classList.add("sketching");
    gismap.picking = true;
    map.once("preclick", (event) => {
      gismap.openSheet(wasOpen);
      done(event.latlng);
      setTimeout(() => {
        gismap.picking = false;
        box.classList.remove("sketching");
      });
    });
  }

  // ---- whose is this point
  function locate(map, marks, panel) {
    const form = gismap.make("form", "", panel);
    const input = gismap.make("input", "", form);
    Object.assign(input, { id: "point", placeholder: say("point_hint"), autocomplete: "off" });
    input.setAttribute("aria-label", say("point_hint"));
    const frame = gismap.make("select", "", form);
    frame.setAttribute("aria-label", say("frame"));
    for (const [value, key] of [["EPSG:4490", "frame_cgcs"], ["gcj02", "frame_gcj"], ["bd09", "frame_bd"]]) {
      gismap.make("option", "", frame, say(key)).value = value;
    }
    const row = gismap.make("div", "row", form);
    gismap.make("button", "primary", row, say("locate_now")).type = "submit";
    button(row, say("pick"), () => pick(map, (at) => {
      input.value = `${at.lng.toFixed(6)}, ${at.lat.toFixed(6)}`;
      frame.value = "EPSG:4490";
      form.requestSubmit();
    }));
    const out = gismap.make("div", "answer", panel);
    out.setAttribute("aria-live", "polite");
    out.innerHTML = `<p class="empty">${say("locate_empty")}</p>`;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const typed = input.value.trim();
      const [x, y, more] = typed.split(/[\s,,;;、]+/).map(Number);
      const isPoint = Number.isFinite(x) && Number.isFinite(y) && more === undefined;
      answered(out, async () => {
        if (!typed) throw new Error(say("point_unreadable"));
        const { as_of } = gismap.doc.district;
        const where = isPoint ? { x, y, crs: frame.value } : { text: typed };
        const question = new URLSearchParams({ ...where, near: "key_places:3", as_of });
        const found = await ask(`/api/locate?${question}`, { 400: say(isPoint ? "point_astray" : "point_unreadable") });
        marks.clearLayers();
        show(map, marks, found);
        return answerCard(found);
      });
    });
    out.addEventListener("click", ({ target }) => {
      const { at } = target.closest("button[data-at]")?.dataset ?? {};
      if (!at) return;
      input.value = at;
      frame.value = "EPSG:4490";
      form.requestSubmit();
    });
  }

  // The answer on the map: its point, or all that may be meant.
  function show(map, marks, found) {
    const places = found.point ? [found.point] : found.matches ?? [];
    for (const { lon, lat } of places) dot(marks, L.latLng(lat, lon), found.verdict);
    const unit = found.point && gismap.units.find((one) => one.id === (found.grid ?? found.candidates[0])?.unit);
    gismap.choose(found.grid ? unit : null);
    if (!places.length) return;
    const box = L.latLngBounds(places.map(({ lon, lat }) => [lat, lon]));
    if (unit) gismap.fit(L.geoJSON(unit.shape).getBounds().extend(box), 60);
    else if (places.length > 1) gismap.fit(box, 60);
    else map.setView(box.getCenter());
  }

  const listed = (title, items) => (items.length ? `<h4>${title}</h4><ul class="people">${items.join("")}</ul>` : "");

  function answerCard({ verdict, why, grid, chain, staff, candidates, near, matches, matter, as_of: day }) {
    const person = (duty) => {
      const one = staff?.[duty];
      if (!one) return `<li><i class="duty ${duty}">${say(`duty_${duty}`)}</i><span>${say("vacant")}</span></li>`;
      const { roles } = gismap.doc;
      return `<li><i class="duty ${duty}">${say(`duty_${duty}`)}</i><b>${escape(one.name)}</b>
        <span>${escape(roles[one.role] ?? one.role)}</span><span class="tel">${escape(one.phone)}</span></li>`;
    };
    const others = (candidates ?? []).filter((one) => one.unit !== grid?.unit).slice(0, 4).map((one) => {
      const unit = gismap.units.find((other) => other.id === one.unit);
      return `<li><b>${escape(unit?.name ?? one.code)}</b><span class="tel">${one.distance_m.toFixed(0)} m</span></li>`;
    });
    const places = Object.values(near ?? {}).flat().map((one) =>
      `<li><b>${escape(one.name)}</b><span class="tel">${one.distance_m.toFixed(0)} m</span></li>`);
    const meant = (grid ? [] : matches ?? []).map((one) => `<li><button type="button"
      data-at="${one.lon.toFixed(6)}, ${one.lat.toFixed(6)}">${escape(one.text)}</button>
      <span class="tel">${escape(one.why)}</span></li>`);
    return `<p class="verdict ${escape(verdict)}"><b>${say(`verdict_${verdict}`)}</b> ${escape(why)}</p>
      ${matter ? `<p class="matter">${say("matter", { matter: escape(matter) })}</p>` : ""}
      ${listed(say("meant"), meant)}
      ${grid ? `<p class="chain">${chain.map((one) => escape(one.name)).join(" › ")}</p><h2>${escape(grid.name)}</h2>
        <code>${escape(grid.code)}</code><ul class="people">${person("primary")}${person("backup")}</ul>` : ""}
      ${listed(say(grid ? "candidates" : "nearest_grids"), others)}
      ${listed(say("nearby"), places)}
      <p class="none">${say("as_of", { day })}</p>`;
  }

  // ---- what is in this area
  function area(map, marks, panel) {
    const row = gismap.make("div", "row", panel);
    const out = gismap.make("div", "answer", panel);
    const radius = gismap.make("select", "");
    for (const metres of [200, 500, 1000, 3000]) {
      gismap.make("option", "", radius, say("within", { metres })).value = metres;
    }
    radius.value = 500;
    radius.setAttribute("aria-label", say("radius"));
    let sketched = null;
    const search = (shape) => answered(out, async () => {
      const refusals = { 400: say("area_unusable"), 404: say("no_such_unit") };
      const found = await ask("/api/resources/search", refusals, {
        area: shape, filter: { layers: LAYERS }, counts: true, limit: 300, as_of: gismap.doc.district.as_of,
      });
      draw(marks, found);
      return resourcesCard(found);
    });
    button(row, say("draw_area"), () => {
      marks.clearLayers();
      sketched?.remove();
      const wasOpen = gismap.openSheet(null);
      sketched = gismap.sketch({ closed: true, done(points) {
        gismap.openSheet(wasOpen);
        sketched.addTo(marks);
        const ring = [...points, points[0]].map((point) => [point.lng, point.lat]);
        search({ polygon: { type: "Polygon", coordinates: [ring] } });
      } });
    }, "primary");
    button(row, say("draw_circle"), () => pick(map, (at) => {
      marks.clearLayers();
      const metres = Number(radius.value);
      const ring = L.circle(at, { ...gismap.onTop(), radius: metres, className: "sketch" }).addTo(marks);
      gismap.fit(ring.getBounds(), 40);
      search({ circle: { center: [at.lng, at.lat], radius_m: metres } });
    }));
    row.append(radius);
    const form = gismap.make("form", "row", null);
    row.after(form);
    const code = gismap.make("input", "", form);
    code.placeholder = say("unit_hint");
    code.setAttribute("aria-label", say("unit_hint"));
    gismap.make("button", "", form, say("search_now")).type = "submit";
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      marks.clearLayers();
      const wanted = code.value.trim();
      const unit = gismap.units.find((one) => one.code === wanted || one.id === wanted || one.name === wanted);
      if (unit) {
        gismap.choose(unit);
        gismap.fit(L.geoJSON(unit.shape).getBounds(), 40);
      }
      search({ unit: unit?.id ?? wanted });
    });
    out.setAttribute("aria-live", "polite");
    out.innerHTML = `<p class="empty">${say("area_empty")}</p>`;
  }

  function draw(marks, { features }) {
    const { symbols } = gismap.doc;
    const above = gismap.onTop();
    const colour = ({ properties }) => symbols.layers[properties.layer].colour;
    L.geoJSON(features, {
      ...above,
      style: (feature) => ({ color: colour(feature), weight: 1.5, fillOpacity: 0.35 }),
      pointToLayer: (feature, at) => L.circleMarker(at, {
        ...above, radius: 5, color: "#fff", weight: 1.5, fillOpacity: 1, fillColor: colour(feature),
      }),
    }).addTo(marks);
  }

  // What may not be told comes as text: "withheld" of a unit, "< 5" of a free shape.
  const shown = (count) =>
    (typeof count === "number" ? gismap.number(count) : count === "withheld" ? say("withheld") : escape(count));

  function resourcesCard({ features, counts, next }) {
    const sections = LAYERS.filter((layer) => counts[layer]).map((layer) => {
      const { total, ...kinds } = counts[layer];
      const all = total ?? Object.values(kinds).reduce((sum, count) => sum + count, 0);
      const named = Object.entries(kinds).filter(([kind]) => kind).sort((one, other) => other[1] - one[1]);
      const rows = named.slice(0, 8).map(([kind, count]) =>
        `<li><span>${escape(gismap.title(layer, kind))}</span><b>${shown(count)}</b></li>`);
      const note = layer === "care_persons" ? `<p class="none">${say("care_whole_grids")}</p>` : "";
      return `<section class="counted"><h4><i class="sign s-${layer}">${escape(gismap.symbol(layer).sign)}</i>
        ${escape(gismap.symbol(layer).title)} <b>${shown(all)}</b></h4><ul>${rows.join("")}</ul>${note}</section>`;
    });
    if (!sections.length) return `<p class="empty">${say("nothing_here")}</p>`;
    const drawn = say(next ? "drawn_first" : "drawn_all", { count: features.length });
    return `${sections.join("")}<p class="none">${drawn}</p>`;
  }
}
