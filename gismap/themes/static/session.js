// Who is signed in, in the title bar: asked apart, since the page itself is the same for all who see the same.
"use strict";

gismap.session = async (root) => {
  const answer = await fetch("/api/session", { headers: { Accept: "application/json" } }).catch(() => null);
  if (!answer?.ok) return;
  const { name, is_visitor: isVisitor } = await answer.json();
  const box = gismap.make("span", "who", root);
  gismap.make("span", "", box, isVisitor ? gismap.say("visitor") : name);
  const next = new URLSearchParams({ next: location.pathname + location.search, lang: gismap.doc.language });
  const page = `/sign-in?${next}`;
  if (isVisitor) {
    gismap.make("a", "", box, gismap.say("sign_in")).href = page;
    return;
  }
  const button = gismap.make("button", "", box, gismap.say("sign_out"));
  button.type = "button";
  button.addEventListener("click", async () => {
    await fetch("/api/session", { method: "DELETE" });
    location.assign(page);
  });
};
