// The sign-in page: sends the form or a demo's user to /api/session and goes on to where the reader wanted to be.
"use strict";

{
  const form = document.getElementById("sign-in");
  const error = document.getElementById("error");
  const buttons = document.querySelectorAll("button");

  const send = async (body) => {
    error.textContent = "";
    for (const button of buttons) button.disabled = true;
    const answer = await fetch("/api/session", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    }).catch(() => null);
    if (answer?.ok) {
      await answer.arrayBuffer(); // an answer that is left half read is a failed request to the browser
      location.replace(form.dataset.next);
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
