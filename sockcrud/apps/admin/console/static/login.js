// The login, and how long one has to wait after too many that failed.

import { logIn } from "./call.js";
import { errorText, fill, h } from "./dom.js";

/** Return the form; `done` is called when somebody has logged in. */
export function showLogin(done, why) {
  const login = h("input", { id: "login", autocomplete: "username", required: true, autocapitalize: "none", spellcheck: "false" });
  const password = h("input", { id: "password", type: "password", autocomplete: "current-password", required: true });
  const wrong = h("div");
  const submit = h("button", { class: "primary" }, "Log in");

  async function send(event) {
    event.preventDefault();
    submit.disabled = true;
    fill(wrong);
    try {
      await logIn(login.value, password.value);
      await done();
    } catch (error) {
      password.value = "";
      submit.disabled = false;
      if (error.retryAfter) countDown(error.retryAfter);
      else fill(wrong, errorText(error));
      password.focus();
    }
  }

  function countDown(seconds) {
    const until = Date.now() + seconds * 1000;
    const left = h("span");
    fill(wrong, h("p", { class: "error", role: "alert" }, "Too many failed logins. Try again in ", left, "."));
    submit.disabled = true;
    const tell = () => {
      const rest = Math.ceil((until - Date.now()) / 1000);
      left.textContent = inWords(Math.max(rest, 0));
      if (rest > 0 && left.isConnected) return setTimeout(tell, 1000);
      submit.disabled = false;
      fill(wrong, h("p", { role: "status" }, "You may try again now."));
    };
    tell();
  }

  return h(
    "form",
    { class: "login", onsubmit: send },
    h("h1", {}, "Log in"),
    why ? h("p", { role: "status" }, why) : null,
    h("p", {}, h("label", { for: "login" }, "Login name"), login),
    h("p", {}, h("label", { for: "password" }, "Password"), password),
    wrong,
    h("p", {}, submit),
    h("p", { class: "muted" }, "For accounts with the role admin."),
  );
}

/** Return a number of seconds as people say it. */
export function inWords(seconds) {
  if (seconds < 90) return `${seconds} ${seconds === 1 ? "second" : "seconds"}`;
  return `${Math.ceil(seconds / 60)} minutes`;
}
