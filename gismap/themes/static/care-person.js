// One person in care on the page: the record beside the list, whose fields show in full for a while to whoever says why,
// who looked, and what the person may ask for. Nothing that was revealed is in the address or in storage.
"use strict";

{
  const { doc, care } = gismap;
  const { button, fieldTitle, dialog, labelled, done, save } = care;
  const say = (key, values) => gismap.say(key, values);
  const make = (tag, className, parent, text) => gismap.make(tag, className, parent, text);
  const at = (id) => document.getElementById(id);
  const MASK = "****";

  care.categoryTitle = (name) => {
    const known = care.categories[name];
    return known ? (doc.language === "zh" ? known.title_zh : known.title_en) : name;
  };
  care.dayOf = (when) => (when ? gismap.when(when).day : "");

  const panel = {
    person: null,
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
      if (!Object.keys(care.purposes).length) return;
      make("h2", "", box, say("choose"));
      make("p", "soft", box, say("choose_says"));
      const why = make("section", "", box);
      make("h3", "", why, say("purposes"));
      const list = make("ul", "purposes", why);
      for (const purpose of Object.values(care.purposes)) about(make("li", "", list), purpose);
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
        reasons: care.TO_SEE,
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
          const inputs = (care.purposes[person.purpose]?.fields ?? person.has).map((name) => {
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
          care.load();
        },
      });
    },
  };

  function mark(id) {
    for (const line of document.querySelectorAll("tr[data-person]")) line.classList.toggle("here", line.dataset.person === id);
  }

  function facts(box, person) {
    const list = make("dl", "facts", box);
    const purpose = care.purposes[person.purpose];
    const pairs = [
      ["category", care.categoryTitle(person.category)], ["age", person.age], ["building", person.building?.name],
      ["address", person.building?.address], ["grid", person.unit && `${person.unit.name ?? ""} ${person.unit.code}`],
      ["purpose", purpose?.title ?? person.purpose], ["kept_until", care.dayOf(person.until)],
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
      ["expires", care.dayOf(purpose.expires_at ?? purpose.expires_on)],
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
  care.panel = panel;
}
