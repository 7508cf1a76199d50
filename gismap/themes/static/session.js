// Who is signed in and where else they may go, in the title bar: asked apart, since the page itself is the same for all
// who see the same.
"use strict";

gismap.PAGES = { audit: ["audit", "/audit"], care: ["care.read", "/care"] };

gismap.session = async (root) => {
  const answer = await fetch("/api/session", { headers: { Accept: "application/json" } }).catch(() => null);
  if (!answer?.ok) return;
  const { name, is_visitor: isVisitor, permissions } = await answer.json();
  const box = gismap.make("span", "who", root);
  if (!root.querySelector(".pages")) { // pages that are no maps come with their own
    const nav = gismap.make("nav", "", box);
    for (const [page, [needed, address]] of Object.entries(gismap.PAGES)) {
      if (!permissions.includes(needed)) continue;
      const asked = new URLSearchParams(location.search).get("lang");
      gismap.make("a", "", nav, gismap.say(`to_${page}`)).href = asked ? `${address}?lang=${asked}` : address;
    }
  }
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
