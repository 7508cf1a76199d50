// The page of persons in care: a masked list, and one person's record beside it, whose fields show in full for a while to
// whoever says why. Nothing that was revealed is in the address, in storage or left in the page when it is left.
"use strict";

{
  const { doc } = gismap;
  const say = (key, values) => gismap.say(key, values);
  const make = (tag, className, parent, text) => gismap.make(tag, className, parent, text);
  const at = (id) => document.getElementById(id);
  const form = at("filters");
  const field = (name) => form.elements.namedItem(name);
  const AT_ONCE = 50;
  const MASK = "****";
  let categories = {};
  let purposes = {};
  let filters = {};

  const button = (parent, text, act, className = "") => {
    const element = make("button", className, parent, text);
    element.type = "button";
    element.addEventListener("click", act);
    return element;
  };
  const fieldTitle = (name) => doc.texts[`field_${name}`] ?? name;
  const categoryTitle = (name) => {
    const known = categories[name];
    return known ? (doc.language === "zh" ? known.title_zh : known.title_en) : name;
  };
  const buildingOf = ({ building }) => building?.name ?? building?.address ?? say("no_building");
  const dayOf = (when) => (when ? gismap.when(when).day : "");

  // ---- the list
  async function start() {
    gismap.waiting(at("list"));
    at("found").textContent = say("loading");
    try {
      const [kinds, reasons] = await Promise.all([gismap.ask("/api/care/categories"), gismap.ask("/api/care/purposes")]);
      categories = Object.fromEntries(kinds.categories.map((one) => [one.category, one]));
      purposes = Object.fromEntries(reasons.purposes.map((one) => [one.purpose, one]));
    } catch (error) {
      at("found").textContent = say("problem_title");
      gismap.failed(at("list"), error, start);
      return;
    } finally {
      document.body.classList.add("ready");
    }
    for (const name of Object.keys(categories)) option(field("category"), name, categoryTitle(name));
    for (const { purpose, title } of Object.values(purposes)) option(field("purpose"), purpose, title);
    at("lookup").hidden = !doc.may.reveal;
    panel.close();
    load();
  }

  const option = (parent, value, title) => {
    if (![...parent.options].some((one) => one.value === value)) make("option", "", parent, title).value = value;
  };

  async function load() {
    at("refused").hidden = true;
    field("unit").removeAttribute("aria-invalid");
    at("more").hidden = true;
    if (!Object.keys(purposes).length) {
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
    for (const [code, name] of units) {
      if (!at("units").querySelector(`[value="${CSS.escape(code)}"]`)) option_(at("units"), code, name);
    }
  }

  const option_ = (parent, value, label) => Object.assign(make("option", "", parent, label), { value });

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

  // ---- dialogs: a question with a reason, and what will happen
  const TO_SEE = ["usual_call", "usual_visit", "usual_emergency", "usual_check"];
  const ASKED_FOR = ["usual_person", "usual_family", "usual_wrong", "usual_over"];

  // `fill(form)` adds what is asked beside the reason and returns what collects it; `send(values)` does it.
  function dialog({ title, says, submit, grave = false, reasons = ASKED_FOR, fill = () => () => ({}), send }) {
    const box = at("dialog");
    const before = document.activeElement;
    box.replaceChildren();
    make("h2", "", box, title).id = "dialog-title";
    if (says) make("p", "soft", box, says);
    const asks = make("form", "", box);
    asks.autocomplete = "off";
    const collect = fill(asks);
    const reason = labelled(asks, say("reason"), "textarea");
    Object.assign(reason, { name: "reason", required: true, minLength: 4, maxLength: 200, autocomplete: "off" });
    const usual = make("div", "usual", asks);
    for (const key of reasons) {
      button(usual, say(key), () => {
        reason.value = say(key);
        reason.focus();
      });
    }
    const problem = make("p", "problem", asks);
    problem.setAttribute("role", "alert");
    const end = make("div", "end", asks);
    button(end, say("cancel"), () => box.close());
    const go = make("button", grave ? "grave primary" : "primary", end, submit);
    go.type = "submit";
    asks.addEventListener("submit", async (event) => {
      event.preventDefault();
      const values = { ...collect(), reason: reason.value.trim() };
      if (values.problem) {
        problem.textContent = values.problem;
        return;
      }
      go.disabled = true;
      try {
        await send(values);
      } catch (error) {
        problem.textContent = error.status === 400 ? refusal(error) : error.message;
      }
      go.disabled = false;
    });
    box.onclose = () => { // what was typed or told in it goes with it
      box.replaceChildren();
      if (before?.isConnected) before.focus();
      else at("panel").focus({ preventScroll: true });
    };
    box.showModal();
    (asks.querySelector("[autofocus]") ?? reason).focus();
  }

  const refusal = ({ field: name }) => {
    const known = doc.texts[`field_${name}`] ?? (name === "reason" ? say("reason") : null);
    return known ? say("unusable", { name: known }) : say("problem_400");
  };

  function labelled(parent, text, tag = "input") {
    const label = make("label", "", parent);
    make("span", "", label, text);
    return make(tag, "", label);
  }

  function done(title, says, proof, download) {
    const box = at("dialog");
    box.replaceChildren();
    make("h2", "", box, title).id = "dialog-title";
    make("p", "soft", box, says);
    const list = make("dl", "facts", box);
    for (const [key, value] of Object.entries(proof)) {
      make("dt", "", list, doc.texts[`proof_${key}`] ?? key);
      make(key === "entry" ? "code" : "span", "", make("dd", "", list), key === "action" ? doc.actions[value] ?? value : value);
    }
    const end = make("div", "end", box);
    button(end, say("save_proof"), () => save(download, proof));
    const close = button(end, say("done"), () => box.close(), "primary");
    if (!box.open) box.showModal();
    close.focus();
  }

  function save(name, value) {
    const link = make("a", "", null);
    link.href = URL.createObjectURL(new Blob([JSON.stringify(value, null, 2)], { type: "application/json" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  at("lookup").addEventListener("click", () => dialog({
    title: say("lookup"),
    says: say("lookup_says"),
    submit: say("lookup_now"),
    reasons: TO_SEE,
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

  // ---- one person
  const panel = {
    person: null,
    opener: null,
    timer: null,
    hidden: new Map(), // until when the reader does not want to see again what they hid: by person

    path: (rest = "") => `/api/care/persons/${encodeURIComponent(panel.person.element_id)}${rest}`,

    close() {
      panel.hide();
      panel.person = null;
      const box = at("panel");
      box.classList.remove("open");
      mark(null);
      box.replaceChildren();
      if (!Object.keys(purposes).length) return;
      make("h2", "", box, say("choose"));
      make("p", "soft", box, say("choose_says"));
      const why = make("section", "", box);
      make("h3", "", why, say("purposes"));
      const list = make("ul", "purposes", why);
      for (const purpose of Object.values(purposes)) about(make("li", "", list), purpose);
    },

    async open(id) {
      panel.hide();
      panel.person = { element_id: id };
      const box = at("panel");
      box.classList.add("open");
      mark(id);
      gismap.waiting(box, 6);
      let person;
      try {
        person = await gismap.ask(panel.path());
      } catch (error) {
        if (panel.person?.element_id === id) gismap.failed(box, error, () => panel.open(id));
        return;
      }
      if (panel.person?.element_id !== id) return; // another one was chosen meanwhile
      panel.draw(person);
      box.focus({ preventScroll: true });
    },

    draw(person) {
      panel.person = person;
      const box = at("panel");
      box.removeAttribute("aria-busy");
      box.replaceChildren();
      const title = make("div", "title", box);
      const name = make("h2", "", title, person.name ?? say("no_name"));
      if (person.is_child) make("span", "child", name, say("child"));
      button(title, say("close"), () => {
        const id = panel.person?.element_id;
        panel.close();
        document.querySelector(`tr[data-person="${CSS.escape(id)}"] button`)?.focus();
      });
      facts(box, person);
      const identity = make("section", "", box);
      make("h3", "", identity, say("identity"));
      panel.countdown = make("div", "", identity);
      panel.fields = make("ul", "fields", identity);
      panel.masked();
      const hiddenTill = panel.hidden.get(person.element_id) ?? 0;
      if (person.revealed && Date.parse(person.revealed.until) > hiddenTill) {
        panel.reveal(person.revealed.fields, person.revealed.until, person.ahead_ms);
      }
      delete person.revealed;
      if (doc.may.write) panel.rights(make("section", "", box));
      panel.status = make("p", "told", box);
      panel.status.setAttribute("role", "status");
      const looks = make("section", "", box);
      make("h3", "", looks, say("looks"));
      panel.looksBox = make("div", "", looks);
      panel.looks();
    },

    // All fields masked, as they are told by default.
    masked() {
      const { person } = panel;
      const masks = { name: person.name, phone: person.phone, id_number: person.id_number, birth_date: person.age };
      panel.fields.replaceChildren();
      for (const name of person.has) {
        const line = make("li", "", panel.fields);
        line.dataset.field = name;
        make("span", "soft", line, fieldTitle(name));
        make("span", "value", line, masks[name] ?? MASK);
        if (doc.may.reveal) button(line, say("reveal"), () => panel.ask(name)).title = say("reveal_field", { name: fieldTitle(name) });
      }
      if (!person.has.length) make("li", "soft", panel.fields, say("nothing_kept"));
    },

    ask(first) {
      dialog({
        title: say("reveal_title"),
        says: say("reveal_says"),
        submit: say("reveal_now"),
        reasons: TO_SEE,
        fill(asks) {
          const choices = make("fieldset", "choices", asks);
          make("legend", "", choices, say("which"));
          for (const name of panel.person.has) {
            const label = make("label", "", choices);
            const box = make("input", "", label);
            Object.assign(box, { type: "checkbox", value: name, checked: name === first });
            make("span", "", label, fieldTitle(name));
          }
          return () => {
            const fields = [...choices.querySelectorAll(":checked")].map((box) => box.value);
            return fields.length ? { fields } : { problem: say("which_none") };
          };
        },
        async send(body) {
          const shown = await gismap.ask(panel.path("/reveal"), { method: "POST", body });
          at("dialog").close();
          panel.hidden.delete(shown.element_id);
          if (panel.person?.element_id !== shown.element_id) return;
          panel.reveal(shown.fields, shown.until, shown.ahead_ms);
          at("panel").focus({ preventScroll: true });
          panel.looks();
        },
      });
    },

    // Fields in full until a moment of the server's clock, which runs `ahead_ms` before ours.
    reveal(fields, until, aheadMs) {
      const endsAt = Date.parse(until) - aheadMs;
      if (endsAt <= Date.now()) return;
      for (const [name, value] of Object.entries(fields)) {
        const line = panel.fields.querySelector(`[data-field="${CSS.escape(name)}"]`);
        line?.querySelector(".value").replaceChildren(make("span", "revealed", null, value));
        line?.querySelector("button")?.remove();
      }
      clearInterval(panel.timer);
      panel.countdown.className = "countdown";
      panel.countdown.replaceChildren();
      const left = make("span", "", panel.countdown);
      left.append(`${say("hides_in")} `);
      const clock = make("b", "", left);
      clock.setAttribute("role", "timer");
      button(panel.countdown, say("hide_now"), () => {
        panel.hidden.set(panel.person.element_id, Date.parse(until));
        panel.hide();
        at("panel").focus({ preventScroll: true });
      });
      const bar = make("progress", "", panel.countdown);
      bar.max = endsAt - Date.now();
      bar.setAttribute("aria-hidden", "true");
      const tick = () => {
        const seconds = Math.ceil((endsAt - Date.now()) / 1000);
        if (seconds <= 0) {
          panel.hide();
          return;
        }
        clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
        bar.value = endsAt - Date.now();
      };
      tick();
      panel.timer = setInterval(tick, 500);
      panel.status.textContent = "";
    },

    hide() {
      const wasShown = panel.timer !== null;
      clearInterval(panel.timer);
      panel.timer = null;
      if (!wasShown || !panel.fields) return;
      panel.masked();
      panel.countdown.className = "";
      panel.countdown.replaceChildren();
      panel.status.textContent = say("hidden_again");
    },

    async looks() {
      const { person, looksBox } = panel;
      gismap.waiting(looksBox, 3);
      try {
        const { looks } = await gismap.ask(panel.path("/looks"));
        if (panel.person !== person) return;
        looksBox.removeAttribute("aria-busy");
        const list = make("ul", "looks", null);
        for (const look of looks) lookedAt(make("li", "", list), look);
        looksBox.replaceChildren(looks.length ? list : make("p", "soft", null, say("no_looks")));
      } catch (error) {
        if (panel.person === person) gismap.failed(looksBox, error, panel.looks);
      }
    },

    rights(box) {
      make("h3", "", box, say("rights"));
      make("p", "soft", box, say("rights_says"));
      const buttons = make("p", "row", box);
      button(buttons, say("correct"), panel.correct);
      button(buttons, say("copy"), panel.copy);
      button(buttons, say("delete"), panel.delete, "grave");
    },

    correct() {
      const { person } = panel;
      dialog({
        title: say("correct_title"),
        says: say("correct_says"),
        submit: say("correct_now"),
        fill(asks) {
          const pairs = make("div", "pair", asks);
          const inputs = (purposes[person.purpose]?.fields ?? person.has).map((name) => {
            const input = labelled(pairs, fieldTitle(name));
            Object.assign(input, { maxLength: 200, autocomplete: "off", spellcheck: false });
            if (name === "birth_date") input.type = "date";
            else input.placeholder = person.has.includes(name) ? person[name] ?? MASK : say("not_kept");
            return [name, input];
          });
          inputs[0]?.[1].setAttribute("autofocus", "");
          return () => {
            const filled = inputs.map(([name, input]) => [name, input.value.trim()]).filter(([, value]) => value);
            return filled.length ? { fields: Object.fromEntries(filled) } : { problem: say("correct_none") };
          };
        },
        async send(body) {
          const { proof } = await gismap.ask(panel.path("/correct"), { method: "POST", body });
          done(say("corrected"), say("corrected_says"), proof, `correction-${person.element_id}.json`);
          panel.open(person.element_id);
        },
      });
    },

    copy() {
      const { person } = panel;
      dialog({
        title: say("copy_title"),
        says: say("copy_says"),
        submit: say("copy_now"),
        async send(body) {
          const { ahead_ms: _, ...copy } = await gismap.ask(panel.path("/export"), { method: "POST", body });
          save(`copy-${person.element_id}.json`, copy);
          at("dialog").close();
          panel.status.textContent = say("copied");
          panel.looks();
        },
      });
    },

    delete() {
      const { person } = panel;
      dialog({
        title: say("delete_title", { name: person.name ?? say("no_name") }),
        submit: say("delete_now"),
        grave: true,
        fill(asks) {
          const list = make("ul", "what", asks);
          const fields = person.has.map(fieldTitle).join(say("comma")) || say("nothing_kept");
          for (const key of ["delete_all", "delete_files", "delete_stays", "delete_log"]) make("li", "", list, say(key, { fields }));
          const sure = make("label", "sure", asks);
          Object.assign(make("input", "", sure), { type: "checkbox", required: true });
          make("span", "", sure, say("delete_sure"));
          return () => ({});
        },
        async send(body) {
          const { proof } = await gismap.ask(panel.path("/delete"), { method: "POST", body });
          panel.close();
          done(say("deleted"), say("deleted_says"), proof, `deletion-${person.element_id}.json`);
          load();
        },
      });
    },
  };

  function mark(id) {
    for (const line of document.querySelectorAll("tr[data-person]")) line.classList.toggle("here", line.dataset.person === id);
  }

  function facts(box, person) {
    const list = make("dl", "facts", box);
    const purpose = purposes[person.purpose];
    const pairs = [
      ["category", categoryTitle(person.category)], ["age", person.age], ["building", person.building?.name],
      ["address", person.building?.address], ["grid", person.unit && `${person.unit.name ?? ""} ${person.unit.code}`],
      ["purpose", purpose?.title ?? person.purpose], ["kept_until", dayOf(person.until)],
    ];
    for (const [key, value] of pairs) {
      if (!value) continue;
      make("dt", "", list, say(key));
      make("dd", "", list, value);
    }
  }

  function about(item, purpose) {
    const more = make("details", "", item);
    const title = make("summary", "", more);
    make("b", "", title, purpose.title);
    if (purpose.is_in_force === false) make("span", "over", title, ` ${say("purpose_over")}`);
    const list = make("dl", "facts", more);
    const pairs = [
      ["basis", doc.texts[`basis_${purpose.legal_basis}`] ?? purpose.legal_basis], ["reference", purpose.legal_reference],
      ["notice", purpose.notice_on], ["assessment", purpose.assessment], ["owner", purpose.owner],
      ["recipients", purpose.recipients.join(say("comma"))],
      ["fields", purpose.fields.map(fieldTitle).join(say("comma"))],
      ["retention", say("retention_days", { days: purpose.retention_days })],
      ["expires", dayOf(purpose.expires_at ?? purpose.expires_on)],
    ];
    for (const [key, value] of pairs) {
      if (!value) continue;
      make("dt", "", list, say(key));
      make("dd", "", list, value);
    }
  }

  function lookedAt(item, { at: moment, actor, action, detail }) {
    const { day, time } = gismap.when(moment);
    const line = make("p", "", item);
    make("b", "", line, actor);
    line.append(` ${doc.actions[action] ?? action}`);
    const fields = detail?.fields?.length ? detail.fields.map(fieldTitle).join(say("comma")) : "";
    const says = [`${day} ${time}`, fields, detail?.reason].filter(Boolean).join(" · ");
    make("p", "soft", item, says);
  }

  at("panel").addEventListener("keydown", (event) => {
    if (event.key === "Escape") at("panel").querySelector(".title button")?.click();
  });

  // Nothing stays in a page that the browser could bring back.
  addEventListener("pagehide", () => {
    at("dialog").close();
    panel.close();
    at("list").replaceChildren();
  });
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  gismap.session(at("bar"));
  start();
}
