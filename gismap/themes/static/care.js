// The page of persons in care: a masked list by unit, category and purpose, and the look-up of a number. Whom one looks at
// is never in the address, and nothing is left in the page when it is left.
"use strict";

{
  const { doc, care } = gismap;
  const { button, fieldTitle, dialog, labelled, categoryTitle, dayOf, panel } = care;
  const say = (key, values) => gismap.say(key, values);
  const make = (tag, className, parent, text) => gismap.make(tag, className, parent, text);
  const at = (id) => document.getElementById(id);
  const form = at("filters");
  const field = (name) => form.elements.namedItem(name);
  const AT_ONCE = 50;
  let filters = {};

  const buildingOf = ({ building }) => building?.name ?? building?.address ?? say("no_building");

  async function start() {
    gismap.waiting(at("list"));
    at("found").textContent = say("loading");
    try {
      const [kinds, reasons] = await Promise.all([gismap.ask("/api/care/categories"), gismap.ask("/api/care/purposes")]);
      care.categories = Object.fromEntries(kinds.categories.map((one) => [one.category, one]));
      care.purposes = Object.fromEntries(reasons.purposes.map((one) => [one.purpose, one]));
    } catch (error) {
      at("found").textContent = say("problem_title");
      gismap.failed(at("list"), error, start);
      return;
    } finally {
      document.body.classList.add("ready");
    }
    for (const name of Object.keys(care.categories)) option(field("category"), name, categoryTitle(name));
    for (const { purpose, title } of Object.values(care.purposes)) option(field("purpose"), purpose, title);
    at("lookup").hidden = !doc.may.reveal;
    panel.close();
    load();
  }

  const option = (parent, value, title) => {
    if (![...parent.children].some((one) => one.value === value)) make("option", "", parent, title).value = value;
  };

  async function load() {
    at("refused").hidden = true;
    field("unit").removeAttribute("aria-invalid");
    at("more").hidden = true;
    if (!Object.keys(care.purposes).length) {
      empty(say("no_purpose"), say("no_purpose_says"), "gismap care purpose add …");
      return;
    }
    gismap.waiting(at("list"));
    at("found").textContent = say("loading");
    try {
      show(await gismap.ask(`/api/care/persons?${new URLSearchParams({ ...filters, limit: AT_ONCE })}`));
    } catch (error) {
      at("found").textContent = say("problem_title");
      if (error.field === "unit") {
        field("unit").setAttribute("aria-invalid", "true");
        at("refused").textContent = say(error.status === 403 ? "unit_elsewhere" : "no_such_unit");
        at("refused").hidden = false;
      }
      gismap.failed(at("list"), error, load);
    }
  }

  function show({ persons, next }, { lookedUp = false } = {}) {
    at("list").removeAttribute("aria-busy");
    if (!persons.length) {
      if (lookedUp) empty(say("found_nobody"), say("found_nobody_says"));
      else if (Object.keys(filters).length) empty(say("nobody_fits"), say("nobody_fits_says"));
      else empty(say("nobody_yet"), say("nobody_yet_says"), "gismap import care_persons FILE");
    } else {
      const root = make("table", "", null);
      const head = make("tr", "", make("thead", "", root));
      for (const key of ["person", "age", "where", "phone", "kept_until"]) {
        make("th", `by-${key}`, head, say(key)).scope = "col";
      }
      make("tbody", "", root);
      at("list").replaceChildren(root);
      append({ persons, next });
    }
    if (!lookedUp) return;
    const back = make("p", "found-bar", null);
    make("span", "soft", back, say("looked_up"));
    button(back, say("back"), load);
    at("list").prepend(back);
  }

  function append({ persons, next }) {
    const body = at("list").querySelector("tbody");
    for (const person of persons) body.append(row(person));
    const count = gismap.number(body.children.length);
    at("found").textContent = say(next ? "shown_first" : "shown_all", { count });
    at("more").hidden = !next;
    at("more").dataset.cursor = next ?? "";
    const units = new Map(persons.filter((one) => one.unit).map(({ unit }) => [unit.code, unit.name ?? ""]));
    for (const [code, name] of units) option(at("units"), code, name);
  }

  function row(person) {
    const line = make("tr", "", null);
    line.dataset.person = person.element_id;
    const who = make("td", "by-person", line);
    const name = person.name ?? say("no_name");
    button(who, name, () => panel.open(person.element_id), "person").title = say("open", { name });
    if (person.is_child) make("span", "child", who, say("child"));
    make("small", "", who, categoryTitle(person.category));
    make("td", "by-age", line, person.age ?? "");
    const where = make("td", "by-where", line, buildingOf(person));
    if (person.unit) make("small", "", where, `${person.unit.name ?? ""} ${person.unit.code}`);
    make("td", "by-phone", line, person.phone ?? "");
    make("td", "by-kept_until", line, dayOf(person.until));
    return line;
  }

  function empty(title, says, command) {
    at("list").removeAttribute("aria-busy");
    at("found").textContent = title;
    const box = make("div", "empty", null);
    make("p", "", box, says);
    if (command) make("pre", "", box, command);
    at("list").replaceChildren(box);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const values = ["unit", "category", "purpose"].map((name) => [name, field(name).value.trim()]);
    filters = Object.fromEntries(values.filter(([, value]) => value));
    panel.close();
    load();
  });
  at("more").addEventListener("click", async () => {
    at("more").disabled = true;
    try {
      const asked = { ...filters, limit: AT_ONCE, cursor: at("more").dataset.cursor };
      append(await gismap.ask(`/api/care/persons?${new URLSearchParams(asked)}`));
    } catch (error) {
      at("more").textContent = `${error.message} ${say("again")}`;
    }
    at("more").disabled = false;
  });

  at("lookup").addEventListener("click", () => dialog({
    title: say("lookup"),
    says: say("lookup_says"),
    submit: say("lookup_now"),
    reasons: care.TO_SEE,
    fill(asks) {
      const number = labelled(asks, fieldTitle("id_number"));
      Object.assign(number, { required: true, maxLength: 40, autocomplete: "off", spellcheck: false });
      number.setAttribute("autofocus", "");
      return () => ({ id_number: number.value.trim() });
    },
    async send(body) {
      const found = await gismap.ask("/api/care/persons/lookup", { method: "POST", body });
      at("dialog").close();
      panel.close();
      show({ persons: found.persons, next: null }, { lookedUp: true });
    },
  }));

  // Nothing stays in a page that the browser could bring back.
  addEventListener("pagehide", () => {
    at("dialog").close();
    panel.close();
    at("list").replaceChildren();
  });
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  care.load = load;
  gismap.session(at("bar"));
  start();
}
