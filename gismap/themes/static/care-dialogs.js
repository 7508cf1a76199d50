// What the page of persons in care asks before something is done: a reason, and what will happen; and the proof after it.
"use strict";

{
  const { doc } = gismap;
  const say = (key, values) => gismap.say(key, values);
  const make = (tag, className, parent, text) => gismap.make(tag, className, parent, text);
  const at = (id) => document.getElementById(id);

  const button = (parent, text, act, className = "") => {
    const element = make("button", className, parent, text);
    element.type = "button";
    element.addEventListener("click", act);
    return element;
  };
  const fieldTitle = (name) => doc.texts[`field_${name}`] ?? name;

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

  gismap.care = { button, fieldTitle, dialog, labelled, done, save, TO_SEE, categories: {}, purposes: {} };
}
