// The frame of the console: which page is shown, who is logged in.

import { call, forget, hasKey, logOut } from "./call.js";
import { add, button, errorText, fill, h, say } from "./dom.js";
import { showLogin } from "./login.js";

// A page's module is loaded when the page is first shown.
const PAGES = [
  ["overview", "Overview"],
  ["traffic", "Traffic"],
  ["records", "Records"],
  ["accounts", "Accounts"],
  ["companies", "Companies"],
  ["sessions", "Sessions"],
  ["changes", "Changes"],
  ["api", "API"],
];

const main = document.getElementById("main");
const nav = document.querySelector("nav");
const who = document.querySelector(".who");
let leaving = new AbortController();

/** Return the page and what stands behind it in the address: `#/records/users?after=7`. */
function place() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...parts] = path.split("/").map(decodeURIComponent);
  return { name: name || "overview", parts, query: Object.fromEntries(new URLSearchParams(query)) };
}

async function show() {
  const { name, parts, query } = place();
  const [known, title] = PAGES.find(([page]) => page === name) ?? PAGES[0];
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  for (const link of nav.querySelectorAll("a")) {
    if (link.hash === `#/${known}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${title} - sockcrud console`;
  const heading = h("h1", { tabindex: "-1" }, title);
  const content = h("div");
  fill(main, heading, content);
  heading.focus({ preventScroll: true });
  try {
    const page = await import(`./${known}.js`);
    await page.show(content, { parts, query, signal });
  } catch (error) {
    if (!signal.aborted) fill(content, errorText(error));
  }
}

async function begin() {
  if (!hasKey()) return askForLogin();
  try {
    const { account } = await call("GET", "console/session");
    welcome(account);
  } catch (error) {
    if (error.status === 401 || error.status === 403) {
      forget();
      return askForLogin();
    }
    fill(main, h("h1", {}, "sockcrud console"), errorText(error), button("Try again", begin));
  }
}

function welcome(account) {
  const link = ([name, title]) => h("a", { href: `#/${name}`, onclick: again }, title);
  fill(nav.querySelector("ul"), PAGES.map((page) => h("li", {}, link(page))));
  fill(who, h("span", {}, account.login), button("Log out", leave));
  nav.hidden = who.hidden = false;
  window.addEventListener("hashchange", show);
  show();
}

/** Load a page anew whose link is pressed while it is shown. */
function again(event) {
  if (event.currentTarget.hash === location.hash) show();
}

async function leave() {
  try {
    await logOut();
  } catch (error) {
    return say(error.message);
  }
  askForLogin("You are logged out.");
}

function askForLogin(why = "") {
  leaving.abort();
  window.removeEventListener("hashchange", show);
  nav.hidden = who.hidden = true;
  for (const open of document.querySelectorAll("dialog")) open.close();
  document.title = "Log in - sockcrud console";
  fill(main);
  add(main, showLogin(begin, why));
  main.querySelector("input").focus();
}

document.addEventListener("login-over", () => askForLogin("The login is over: log in again."));
begin();
