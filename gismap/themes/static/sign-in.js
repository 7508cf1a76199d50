// The sign-in page: sends the form or a demo's user to /api/session and goes on to where the reader wanted to be.
"use strict";

{
  const form = document.getElementById("sign-in");
  const error = document.getElementById("error");
  const buttons = document.querySelectorAll("button");

  // Where the reader wanted to be; whoever may not see the map gets the page that they may see instead of it.
  const landing = (permissions) => {
    const { next } = form.dataset;
    return next === "/" && !permissions.includes("see") && permissions.includes("audit") ? "/audit" : next;
  };

  const send = async (body) => {
    error.textContent = "";
    for (const button of buttons) button.disabled = true;
    const answer = await fetch("/api/session", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    }).catch(() => null);
    if (answer?.ok) {
      const { permissions } = await answer.json();
      location.replace(landing(permissions));
      return;
    }
    for (const button of buttons) button.disabled = false;
    const { wrong, wait, failed } = error.dataset;
    error.textContent = { 400: wrong, 401: wrong, 429: wait }[answer?.status] ?? failed;
    form.password.value = "";
    form.password.focus();
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send({ username: form.username.value, password: form.password.value });
  });
  for (const button of document.querySelectorAll("[data-role]")) {
    button.addEventListener("click", () => send({ demo: button.dataset.role }));
  }
  document.body.classList.add("ready");
}
