// What the scripts of pages that are no maps share: texts, elements, numbers, times, and asking the server.
"use strict";

window.gismap = {
  get doc() {
    const value = JSON.parse(document.getElementById("gismap-document").textContent);
    Object.defineProperty(this, "doc", { value });
    return value;
  },
  say(key, values = {}) {
    return this.doc.texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
  },
  make(tag, className, parent, text) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    parent?.append(element);
    return element;
  },
  number(value) {
    return value.toLocaleString("en-US");
  },
  // Day and time in the district's time zone, whatever the reader's is.
  when(at) {
    const parts = Object.fromEntries(new Intl.DateTimeFormat("en-GB", {
      timeZone: this.doc.zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
      second: "2-digit", hourCycle: "h23",
    }).formatToParts(new Date(at)).map(({ type, value }) => [type, value]));
    return { day: `${parts.year}-${parts.month}-${parts.day}`, time: `${parts.hour}:${parts.minute}:${parts.second}` };
  },
  // How far the server's clock is ahead of ours; what it tells of that is rounded to seconds.
  ahead(answer) {
    const ms = Date.parse(answer.headers.get("Date")) - Date.now();
    return Math.abs(ms) < 3000 ? 0 : ms || 0;
  },
  // An answer's JSON, and how far the server's clock is ahead of ours; what is refused is an error with words for it.
  async ask(url, { method = "GET", body } = {}) {
    const headers = { Accept: "application/json" };
    if (body) headers["Content-Type"] = "application/json";
    const answer = await fetch(url, { method, headers, cache: "no-store", body: body && JSON.stringify(body) })
      .catch(() => null);
    if (answer?.status === 401) {
      location.assign(`/sign-in?${new URLSearchParams({ next: location.pathname + location.search })}`);
    }
    const told = await answer?.json().catch(() => null);
    if (answer?.ok && told) return { ...told, ahead_ms: this.ahead(answer) };
    const status = answer?.status ?? 0;
    const key = [`problem_${status}`, "problem"].find((one) => one in this.doc.texts);
    throw Object.assign(new Error(this.say(key)), { status, field: told?.field ?? null, detail: told?.detail ?? "" });
  },
  // In place of a list: the outline of one, or what went wrong with a way to try again.
  waiting(box, rows = 8) {
    box.setAttribute("aria-busy", "true");
    box.replaceChildren();
    for (let row = 0; row < rows; row += 1) this.make("div", row % 3 === 2 ? "skeleton short" : "skeleton", box);
  },
  failed(box, error, again) {
    box.removeAttribute("aria-busy");
    const says = this.make("div", "empty", null);
    says.setAttribute("role", "alert");
    this.make("b", "", says, error.message);
    if (error.detail) this.make("code", "", this.make("p", "", says), error.detail);
    const button = this.make("button", "", this.make("p", "", says), this.say("again"));
    button.type = "button";
    button.addEventListener("click", again);
    box.replaceChildren(says);
  },
};
