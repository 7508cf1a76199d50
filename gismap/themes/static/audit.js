// The page of the audit log: filters in the address, entries in words, figures beside them, files, and the chain checked.
"use strict";

{
  const { doc } = gismap;
  const say = (key, values) => gismap.say(key, values);
  const make = (tag, className, parent, text) => gismap.make(tag, className, parent, text);
  const at = (id) => document.getElementById(id);
  const FILTERS = ["subject", "who", "unit", "action", "since", "until"];
  const AT_ONCE = 50;
  const query = new URLSearchParams(location.search);
  const asked = Object.fromEntries(FILTERS.filter((name) => query.get(name)).map((name) => [name, query.get(name)]));
  const form = at("filters");
  const groupOf = Object.fromEntries(doc.groups.flatMap(({ key, actions }) => actions.map((action) => [action, key])));
  const field = (name) => form.elements.namedItem(name); // a form's own `action` is its address
  const actionTitle = (action) => doc.actions[action] ?? action;
  let names = { users: {}, accounts: {}, units: {} };
  let shown = 0;
  let total = 0;

  // The address of this page with other filters; what is not named stays, null takes away.
  function address(changed, base = asked) {
    const wanted = Object.entries({ ...base, ...changed }).filter(([, value]) => value);
    const language = query.get("lang");
    const search = new URLSearchParams(language ? [...wanted, ["lang", language]] : wanted).toString();
    return `/audit${search && `?${search}`}`;
  }

  const link = (parent, text, changed, base) => {
    const element = make("a", "", parent, text);
    element.href = address(changed, base);
    return element;
  };

  // ---- filters
  function filters() {
    for (const { title, actions } of doc.groups) {
      const group = make("optgroup", "", field("action"));
      group.label = title;
      for (const action of actions) make("option", "", group, actionTitle(action)).value = action;
    }
    if (asked.action && !(asked.action in groupOf)) make("option", "", field("action"), asked.action);
    for (const name of FILTERS) field(name).value = asked[name] ?? "";
    at("clear").hidden = !Object.keys(asked).length;
    at("clear").href = address({}, {});
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      location.assign(address({}, Object.fromEntries(FILTERS.map((name) => [name, field(name).value.trim()]))));
    });
    const before = (days) => {
      const day = new Date(`${doc.today}T00:00:00Z`);
      day.setUTCDate(day.getUTCDate() - days);
      return day.toISOString().slice(0, 10);
    };
    make("span", "", at("quick"), say("days"));
    for (const [key, since] of [["day_1", before(0)], ["day_7", before(6)], ["day_30", before(29)], ["day_all", null]]) {
      const one = link(at("quick"), say(key), { since, until: null });
      if ((asked.since ?? null) === since && !asked.until) one.setAttribute("aria-current", "true");
    }
    const says = Object.entries(asked).map(([name, value]) =>
      `${say(name)} ${name === "action" ? actionTitle(value) : value}`);
    at("asked").textContent = says.length ? `${say("asked")} ${says.join(" · ")}` : "";
  }

  // ---- entries in words
  function table() {
    const root = make("table", "", null);
    const head = make("tr", "", make("thead", "", root));
    for (const key of ["at", "who", "what", "about", "detail"]) make("th", "", head, say(key)).scope = "col";
    make("tbody", "", root);
    return root;
  }

  function row(entry) {
    const line = make("tr", "", null);
    const { day, time } = gismap.when(entry.at);
    const when = make("time", "", make("td", "at", line));
    when.dateTime = entry.at;
    when.title = `${entry.at} · ${say("number", { number: entry.seq })}`;
    make("b", "", when, day);
    make("span", "", when, time);
    who(make("td", "by", line), entry.actor);
    const failed = entry.action.startsWith("failed");
    const what = make("td", `action ${groupOf[entry.action] ?? ""}${failed ? " failed" : ""}`, line);
    const sign = make("i", "", what, failed ? "!" : doc.signs[groupOf[entry.action]] ?? "·");
    sign.setAttribute("aria-hidden", "true");
    what.append(actionTitle(entry.action));
    subject(make("td", "subject", line), entry.subject);
    pairs(make("td", "", line), told(entry));
    return line;
  }

  function who(cell, actor) {
    if (actor === "nobody") return void make("span", "", cell, say("nobody"));
    const name = names.users[actor];
    link(cell, name ?? actor, { who: actor }, {}).title = say("all_by", { name: name ?? actor });
    if (name && name !== actor) make("small", "", cell, actor);
    return undefined;
  }

  function subject(cell, text) {
    const [, kind, id] = (!(text in doc.subjects) && text.match(/^(.+) (\S+)$/)) || [null, text, ""];
    const account = names.accounts[id];
    const unit = names.units[id];
    const called = account ? account.username : unit ? unit.name ?? unit.code : id;
    const title = doc.subjects[kind] ?? kind;
    link(cell, called ? `${title} ${called}` : title, { subject: text }, {}).title = say("all_about");
    if (account || kind === "session") make("small", "", cell, account ? account.name : "");
  }

  // Details with why and what first; of a single person the subject tells already.
  const FIRST = ["reason", "fields", "role", "layer"];
  function told({ subject: about, detail }) {
    const { persons: ids, number, ...rest } = detail;
    const isAlone = ids?.length === 1 && about.endsWith(` ${ids[0]}`);
    const shown = isAlone ? rest : detail;
    const order = [...FIRST.filter((key) => key in shown), ...Object.keys(shown).filter((key) => !FIRST.includes(key))];
    return Object.fromEntries(order.map((key) => [key, shown[key]]));
  }

  function pairs(cell, detail) {
    const list = make("dl", "pairs", cell);
    for (const [key, value] of Object.entries(detail)) {
      if (key === "asked" && !Object.keys(value).length) {
        make("dd", "", make("div", "", list), say("asked_everything"));
        continue;
      }
      const pair = make("div", "", list);
      make("dt", "", pair, doc.details[key] ?? key);
      valued(make("dd", "", pair), key, value);
    }
  }

  function valued(cell, key, value) {
    const unit = names.units[value];
    const account = names.accounts[value];
    if (value === null) cell.textContent = key === "unit" ? say("district") : say("none");
    else if (typeof value === "boolean") cell.textContent = say(value ? "yes" : "no");
    else if (unit) {
      link(cell, unit.name ?? unit.code, { unit: unit.code }, {}).title = say("all_in", { name: unit.name ?? "" });
      cell.append(" ");
      make("code", "", cell, unit.code);
    } else if (account) link(cell, account.username, { subject: `account ${value}` }, {}).title = say("all_about");
    else if (key === "persons") persons(cell, value);
    else if (Array.isArray(value)) {
      const box = folded(cell, value);
      value.forEach((one, index) => {
        if (index) box.append(say("comma"));
        valued(make("span", "", box), key, one);
      });
      if (!value.length) cell.textContent = say("none");
    } else if (typeof value === "object") pairs(cell, value);
    else if (typeof value === "number") cell.textContent = gismap.number(value);
    else if (/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(value)) {
      const { day, time } = gismap.when(value);
      cell.textContent = `${day} ${time}`;
    } else if (key === "action") cell.textContent = actionTitle(value);
    else if (/^[0-9a-f]{64}$/.test(value)) make("code", "", cell, `${value.slice(0, 12)}…`).title = value;
    else cell.textContent = doc.values[value] ?? value;
  }

  const MOST_SHOWN = 3;
  /** Where a list goes: into the cell, or when it is long into a fold of it. */
  function folded(cell, list) {
    if (list.length <= MOST_SHOWN) return cell;
    const box = make("details", "", cell);
    make("summary", "", box, say("others_of", { count: list.length }));
    return box;
  }

  function persons(cell, ids) {
    const box = folded(cell, ids);
    for (const id of ids) {
      link(box, id, { subject: `person ${id}` }, {}).title = say("all_about");
      box.append(" ");
    }
    if (!ids.length) cell.textContent = say("none");
  }

  // ---- asking
  const question = (more) => new URLSearchParams({ ...asked, ...more });

  async function load() {
    gismap.waiting(at("list"));
    gismap.waiting(at("counts"), 4);
    at("found").textContent = say("loading");
    let answer;
    try {
      answer = await gismap.ask(`/api/audit?${question({ counts: true, limit: AT_ONCE })}`);
    } catch (error) {
      at("found").textContent = say("problem_title");
      at("counts").replaceChildren();
      refuse(error);
      gismap.failed(at("list"), error, load);
      return;
    } finally {
      document.body.classList.add("ready");
    }
    names = answer.names;
    total = answer.counts.entries;
    counts(answer.counts);
    at("list").removeAttribute("aria-busy");
    if (!answer.entries.length) {
      at("found").textContent = say("found", { count: 0 });
      const empty = make("div", "empty", null);
      make("b", "", empty, say("empty"));
      make("p", "", empty, say(doc.sees_all ? "empty_says" : "empty_says_unit"));
      at("list").replaceChildren(empty);
      return;
    }
    at("list").replaceChildren(table());
    append(answer);
  }

  // A refusal that is about one filter is told beside the filters, and the filter is marked.
  function refuse(error) {
    const wrong = FILTERS.includes(error.field) && field(error.field);
    if (!wrong) return;
    wrong.setAttribute("aria-invalid", "true");
    at("refused").textContent = error.status === 404 ? say("no_such_unit") : say("unusable", { name: say(error.field) });
    at("refused").hidden = false;
  }

  function append(answer) {
    for (const kind of Object.keys(names)) Object.assign(names[kind], answer.names[kind]);
    const body = at("list").querySelector("tbody");
    const first = answer.entries.map((entry) => body.appendChild(row(entry)))[0];
    shown += answer.entries.length;
    total = Math.max(total, shown);
    at("found").textContent = answer.next
      ? say("found_first", { shown: gismap.number(shown), count: gismap.number(total) })
      : say("found", { count: gismap.number(total) });
    at("more").hidden = !answer.next;
    at("more").textContent = say("more", { count: AT_ONCE });
    at("more").dataset.before = answer.next ?? "";
    return first;
  }

  at("more").addEventListener("click", async () => {
    at("more").disabled = true;
    try {
      const answer = await gismap.ask(`/api/audit?${question({ before: at("more").dataset.before, limit: AT_ONCE })}`);
      const first = append(answer);
      first?.querySelector("a")?.focus({ preventScroll: true });
    } catch (error) {
      at("more").textContent = `${error.message} ${say("again")}`;
    }
    at("more").disabled = false;
  });

  // ---- figures
  function counts({ entries, earliest, latest, by_action: actions, by_actor: actors, actors: persons }) {
    const box = at("counts");
    box.removeAttribute("aria-busy");
    box.replaceChildren();
    const sum = make("div", "", box);
    make("small", "", make("p", "total", sum, gismap.number(entries)), ` ${say("entries")}`);
    if (entries) make("p", "note", sum, `${gismap.when(earliest).day} – ${gismap.when(latest).day}`);
    bars(box, say("by_action"), actions.map((one) => [actionTitle(one.action), one.entries, { action: one.action }]));
    bars(box, say("by_actor", { count: persons }), actors.map((one) =>
      [one.actor === "nobody" ? say("nobody") : names.users[one.actor] ?? one.actor, one.entries, { who: one.actor }]));
    for (const { actor } of actors) make("option", "", at("actors")).value = actor;
  }

  const MOST_BARS = 6;
  function bars(box, title, all) {
    if (!all.length) return;
    const block = make("div", "", box);
    make("h3", "", block, title);
    const draw = (parent, some) => {
      const list = make("ul", "", make("div", "bars", parent));
      for (const [name, count, changed] of some) {
        const line = link(make("li", "", list), undefined, changed);
        make("span", "", line, name);
        make("b", "", line, gismap.number(count));
        Object.assign(make("meter", "", line), { max: all[0][1], value: count }).setAttribute("aria-hidden", "true");
      }
    };
    draw(block, all.slice(0, MOST_BARS));
    if (all.length <= MOST_BARS) return;
    const rest = make("details", "", block);
    make("summary", "", rest, say("others", { count: all.length - MOST_BARS }));
    draw(rest, all.slice(MOST_BARS));
  }

  // ---- files, paper, the chain
  for (const format of ["csv", "jsonl"]) at(format).href = `/api/audit/export?${question({ format })}`;
  at("print").addEventListener("click", () => window.print());
  at("check").addEventListener("click", async () => {
    at("check").disabled = true;
    at("checked").replaceChildren(make("p", "note", null, say("checking")));
    try {
      at("checked").replaceChildren(verdict(await gismap.ask("/api/audit/check", { method: "POST" })));
    } catch (error) {
      at("checked").replaceChildren(make("p", "verdict bad", null, error.message));
    }
    at("check").disabled = false;
  });

  function verdict({ entries, first, last, linked, complete, faults }) {
    const span = { count: gismap.number(entries), first, last };
    if (!entries) return make("p", "verdict", null, say("checked_none"));
    if (!faults.length) {
      const key = !linked ? "checked_part" : complete ? "checked_all" : "checked_newest";
      return make("p", "verdict", null, `✓ ${say(key, span)}`);
    }
    const box = make("div", "verdict bad", null);
    make("b", "", box, `✗ ${say("checked_bad")}`);
    const list = make("ul", "", box);
    for (const { seq, fault } of faults) make("li", "", list, say(`fault_${fault}`, { seq }));
    return box;
  }

  gismap.session(at("bar"));
  filters();
  load();
}
