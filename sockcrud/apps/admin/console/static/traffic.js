// The journal as it grows: each request beside its answer, why it was refused, and how to send it again.

import { call } from "./call.js";
import { button, copyButton, dialog, errorText, fill, h, table } from "./dom.js";
import { follow } from "./events.js";
import { duration } from "./figures.js";
import { asSent } from "./resend.js";

const SHOWN = 300;
const FORMS = {
  nc: "A line for nc",
  curl: "curl",
  httpie: "HTTPie",
  sockcrud: "A command of sockcrud",
  python: "Python, with our client",
  socket: "Python, with a socket",
};
const COLUMNS = ["Time", "Dialect", "What", "Came of it", "Took"];

export async function show(content, { query, signal }) {
  const { dialects } = await call("GET", "overview", { signal });
  new Traffic(content, dialects, query, signal);
}

class Traffic {
  constructor(content, dialects, query, signal) {
    this.urls = new Map(dialects.map(({ name, url }) => [name, url]));
    this.paused = false;
    this.waiting = []; // what came while it was paused
    this.trouble = h("div");
    this.missed = h("p", { class: "muted", role: "status" });
    this.rows = h("tbody");
    this.detail = h("section", { "aria-label": "The request", class: "detail" }, h("p", { class: "muted" }, "Choose a request."));
    const list = table("Traffic", COLUMNS, []);
    list.querySelector("tbody").replaceWith(this.rows);
    this.pause = button("Pause", () => this.turn(), { "aria-pressed": "false" });
    const bar = h("div", { class: "toolbar" }, filters(dialects, query), this.pause);
    fill(content, bar, this.trouble, this.missed, h("div", { class: "traffic" }, list, this.detail));
    follow("journal/stream", { ...query, after: 0 }, {
      signal,
      take: (name, data) => this.take(name, data),
      tell: (error) => fill(this.trouble, error && errorText(error)),
    });
  }

  turn() {
    this.paused = !this.paused;
    this.pause.textContent = this.paused ? "Go on" : "Pause";
    this.pause.setAttribute("aria-pressed", String(this.paused));
    if (!this.paused) for (const entry of this.waiting.splice(0)) this.add(entry);
  }

  take(name, data) {
    if (name === "missed") {
      this.missed.textContent = `${data.count.toLocaleString("en")} earlier entries are no longer kept.`;
    } else if (this.paused) {
      this.waiting.push(data);
      if (this.waiting.length > SHOWN) this.waiting.shift();
      this.pause.textContent = `Go on (${this.waiting.length} came)`;
    } else {
      this.add(data);
    }
  }

  add(entry) {
    const time = new Date(entry.at).toLocaleTimeString(undefined, { hour12: false });
    const opens = entry.kind === "request" ? button(time, () => this.choose(entry), { class: "link" }) : time;
    const cells = [entry.dialect, what(entry), outcome(entry), entry.seconds ? duration(entry.seconds) : ""];
    const row = h("tr", { class: entry.kind === "request" ? "" : "muted" }, h("th", { scope: "row" }, opens), cells.map((cell) => h("td", {}, cell)));
    this.rows.prepend(row);
    while (this.rows.children.length > SHOWN) this.rows.lastElementChild.remove();
  }

  choose(entry) {
    const url = this.urls.get(entry.dialect);
    const explains = entry.refused.length > 0 || entry.fault !== null;
    const place = h("div");
    const buttons = [
      explains && button("Explain this refusal", () => fill(place, explain(entry))),
      button("Translate", async () => fill(place, await translated(entry))),
      url && !entry.request.cut && button("Send again…", () => sendAgain(entry)),
    ];
    const heading = h("h2", { tabindex: "-1" }, `Request ${entry.id} at ${entry.dialect}`);
    fill(this.detail, heading,
      h("p", {}, `from ${entry.peer || "a Unix socket"}, connection ${entry.connection}`, entry.login ? `, as ${entry.login}` : ""),
      h("div", { class: "directions" }, direction("It was sent", entry.request), direction("It was answered", entry.answer)),
      h("p", { class: "buttons" }, buttons), place);
    heading.focus();
  }
}

function filters(dialects, query) {
  const names = dialects.filter(({ listening }) => listening).map(({ name }) => h("option", { value: name, selected: name === query.dialect }, name));
  const dialect = h("select", { "aria-label": "Dialect" }, h("option", { value: "" }, "all dialects"), names);
  const peer = h("input", { "aria-label": "Address of the client", placeholder: "address", value: query.peer ?? "", size: "14" });
  const refused = h("input", { type: "checkbox", id: "refused", checked: query.refused === "1" });
  const go = (event) => {
    event?.preventDefault();
    const wanted = Object.entries({ dialect: dialect.value, peer: peer.value, refused: refused.checked ? "1" : "" });
    location.hash = `#/traffic?${new URLSearchParams(wanted.filter(([, value]) => value))}`;
  };
  dialect.addEventListener("change", go);
  refused.addEventListener("change", go);
  return h("form", { class: "filter", onsubmit: go, role: "search" }, dialect, peer, refused,
    h("label", { for: "refused" }, "refused only"), h("button", {}, "Filter"));
}

function what(entry) {
  if (entry.kind === "open") return `${entry.peer} connected`;
  if (entry.kind === "close") return `closed: ${entry.reason}`;
  return entry.operation ?? firstLine(entry.request.text);
}

const firstLine = (text) => text.trimStart().split("\n", 1)[0].slice(0, 60);

function outcome(entry) {
  if (entry.kind !== "request") return "";
  if (entry.fault) return h("span", { class: "error" }, "not readable");
  const line = firstLine(entry.answer.text).replace(/^HTTP\/1\.1 /, "");
  return entry.refused.length ? h("span", { class: "error" }, "refused") : line;
}

function direction(title, { text, bytes, cut }) {
  const size = `${bytes.toLocaleString("en")} bytes${cut ? ", the beginning of which is kept" : ""}`;
  return h("div", {}, h("h3", {}, title), h("small", {}, size), h("pre", { tabindex: "0", "aria-label": title }, text));
}

/** Return in words why a request was refused: what the wire does not say. */
function explain({ fault, refused, answer }) {
  const lines = refused.map(({ operation, field, reason }) =>
    h("li", {}, operation ? h("code", {}, operation) : "The request", " was refused: ", field && [h("code", {}, field), ", "], reason, "."));
  if (fault) {
    const place = fault.offset === null ? "" : ` at byte ${fault.offset}`;
    lines.unshift(h("li", {}, `It could not be read${place}: ${fault.message}.`));
  }
  return [h("h3", {}, "Why it was refused"), h("ul", {}, lines), h("p", { class: "muted" }, "The client was told: ", h("code", {}, firstLine(answer.text)))];
}

/** Return the request in other words, as the daemon knows them. */
async function translated({ id, dialect }) {
  let found;
  try {
    found = (await call("GET", `translate/${id}`)).items;
  } catch (error) {
    return errorText(error);
  }
  const each = ({ form, dialect: at, text, blanks }) => {
    const name = at === dialect ? FORMS[form] : `${FORMS[form]}, at ${at}`;
    const secret = blanks.length > 0 && h("p", { class: "muted" }, "What was secret is not kept; set first: ", h("code", {}, blanks.join(", ")));
    return [h("h3", {}, name), secret, h("pre", { tabindex: "0", "aria-label": name }, text), copyButton(text)];
  };
  return found.length ? found.map(each) : h("p", {}, "There are no other words for this.");
}

function sendAgain({ dialect, request: { text } }) {
  const input = h("textarea", { rows: "8", "aria-label": "What is sent" });
  input.value = text.replaceAll("\r\n", "\n");
  const place = h("div", { role: "status" });
  const submit = button("Send", async () => {
    submit.disabled = true;
    try {
      const body = { dialect, text: asSent(input.value) };
      const answer = await call("POST", "send", { body });
      fill(place, direction(`Answered after ${duration(answer.seconds)}`, { ...answer, bytes: new TextEncoder().encode(answer.text).length }));
    } catch (error) {
      fill(place, errorText(error));
    }
    submit.disabled = false;
  }, { class: "primary" });
  const secret = text.includes("***") && "What is *** was secret and is not kept: put it in. ";
  const shown = dialog(`Send again to ${dialect}`, h("p", {}, secret, "It takes effect, as it did."), input, place,
    h("p", { class: "buttons" }, button("Close", () => shown.close()), submit));
  input.focus();
}
