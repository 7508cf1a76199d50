// The digital identity card of whatever is clicked, and the outline that lifts a grid.
"use strict";

{
  const escape = (text) => String(text ?? "").replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
  const say = (key, values) => gismap.say(key, values);
  const figure = (label, value) => `<li><b>${value}</b><span>${label}</span></li>`;
  const area = (metres) =>
    (metres >= 1e6 ? `${(metres / 1e6).toFixed(2)} km²` : `${(metres / 1e4).toFixed(1)} ${say("hectares")}`);
  const code = (text) => (text ? `<code>${escape(text)}</code>` : "");

  gismap.escape = escape;

  gismap.person = ([role, duty, name, phone]) => {
    const title = escape(gismap.doc.roles[role] ?? role);
    const badge = duty ? `<i class="duty ${duty}">${say(`duty_${duty}`)}</i>` : "<i class=\"duty\"></i>";
    if (typeof name === "number") {
      return `<li>${badge}<span>${title}</span><b>${say("persons", { count: name })}</b></li>`;
    }
    return `<li>${badge}<b>${escape(name)}</b><span>${title}</span><span class="tel">${escape(phone)}</span></li>`;
  };

  function chain(unit, whole) {
    const names = gismap.chain(unit).map((above) => escape(above.name));
    if (whole) names.push(escape(unit.name));
    return names.length ? `<p class="chain">${names.join(" › ")}</p>` : "";
  }

  function team(unit) {
    const people = gismap.doc.teams[unit.index] ?? [];
    if (!people.length) return `<p class="none">${say("nobody")}</p>`;
    const more = people.length > 4 ? `<p class="none">${say("and_more", { count: people.length - 4 })}</p>` : "";
    return `<ul class="people">${people.slice(0, 4).map(gismap.person).join("")}</ul>${more}`;
  }

  function care(unit) {
    const counts = gismap.doc.care.counts[unit.index];
    if (!counts) return "";
    const shown = (value) => (value === null ? say("withheld") : gismap.number(value));
    const kinds = Object.entries(counts).filter(([category]) => category)
      .map(([category, value]) => {
        const title = escape(gismap.title("care_persons", category));
        return `<li><span>${title}</span><b>${shown(value)}</b></li>`;
      });
    return `<details class="care"><summary>${say("care")} <b>${"" in counts ? shown(counts[""]) : ""}</b>
      <small>${escape(gismap.doc.care.month)}</small></summary>
      <ul>${kinds.join("")}</ul><p class="none">${say("care_note")}</p></details>`;
  }

  function measured(unit) {
    const { fill } = gismap.doc;
    const kind = fill ? fill.classes[unit.index] : null;
    if (kind === null) return "";
    const { label } = fill.entries[kind];
    return `<p class="measured"><i class="swatch k-${kind}"></i>${escape(fill.title)} <b>${escape(label)}</b></p>`;
  }

  gismap.unitCard = (unit) => {
    const style = gismap.doc.levels[unit.level];
    const zone = unit.zone ? `<i class="kind">${escape(gismap.doc.zones[unit.zone])}</i>` : "";
    return `<article class="card"><header><i class="kind strong">${escape(style.title)}</i>${zone}
      <h3>${escape(unit.name)}</h3>${code(unit.code)}${chain(unit, false)}</header>
      ${measured(unit)}
      <ul class="figures">${[
        figure(say("area"), area(unit.area)),
        figure(say("households"), gismap.number(unit.households)),
        figure(say("buildings"), gismap.number(unit.buildings)),
        figure(say("places"), gismap.number(unit.places)),
        figure(say("stations"), gismap.number(unit.stations)),
        figure(say("staff"), gismap.number(unit.staff)),
      ].join("")}</ul>
      <h4>${say("who_answers")}</h4>${team(unit)}${care(unit)}
      <footer>${escape(unit.id)} · ${say("as_of", { day: gismap.doc.district.as_of })}</footer></article>`;
  };

  function elementCard({ id, name, unit }, kind, symbol, facts) {
    return `<article class="card"><header><i class="kind s-${symbol}">${escape(kind)}</i>
      <h3>${escape(name ?? say("unnamed"))}</h3>${unit ? chain(unit, true) : ""}</header>${facts}
      ${unit ? `<h4>${say("who_answers")}</h4>${team(unit)}` : `<p class="none">${say("no_grid")}</p>`}
      <footer>${escape(id)} · ${say("as_of", { day: gismap.doc.district.as_of })}</footer></article>`;
  }

  function open(html, at) {
    if (gismap.sketching()) return;
    const content = gismap.make("div", "");
    content.innerHTML = html;
    const popup = L.popup({ maxWidth: 320, minWidth: 268, className: "paper" }).setLatLng(at).setContent(content);
    content.querySelector("details")?.addEventListener("toggle", () => popup.update()); // it has another height now
    gismap.map.openPopup(popup);
  }

  gismap.showUnit = (unit, at) => {
    if (gismap.sketching()) return;
    gismap.choose(unit);
    open(gismap.unitCard(unit), at ?? unit.at);
  };

  gismap.showPlace = (place) => {
    const kind = gismap.title(place.layer, place.category) || gismap.symbol(place.group).title;
    open(elementCard(place, kind, place.group, ""), place.at);
  };

  gismap.showBuilding = (building, at) => open(elementCard(building, say("building"), "buildings",
    `<ul class="figures">${figure(say("floors"), building.floors ?? "—")}${figure(say("households"), building.households ?? "—")}
     ${figure(say("use"), escape(gismap.title("buildings", building.use)))}</ul>`), at);

  // ---- hovered and chosen
  const outline = (className, weight) => L.geoJSON(null, {
    pane: "lifted", renderer: L.svg({ pane: "lifted" }), interactive: false,
    style: { className, weight, fill: className === "chosen" },
  });
  const hovered = outline("hovered", 2.5);
  const chosen = outline("chosen", 3.5);
  const show = (layer, unit) => {
    if (!gismap.map.hasLayer(layer)) layer.addTo(gismap.map);
    layer.clearLayers();
    if (unit?.shape) layer.addData({ type: "Feature", properties: {}, geometry: unit.shape });
  };

  gismap.lift = (unit) => {
    show(hovered, unit);
    if (gismap.sketching()) return;
    gismap.tell(unit ? [...gismap.chain(unit).slice(1), unit].map((one) => one.name).join(" › ") : "");
  };
  gismap.choose = (unit) => show(chosen, unit);
}
