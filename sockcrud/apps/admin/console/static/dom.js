// Making elements. Text is only ever put in as text nodes, so nothing that was sent becomes markup;
// the policy of the page would refuse it too.

/** Return an element with these attributes and children; `onclick` and its like are listeners. */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  return add(node, ...children);
}

/** Append children to a node: nodes, texts, lists of these; what is null or false is left out. */
export function add(node, ...children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : String(child));
  }
  return node;
}

/** Put these children in the place of those that a node has. */
export function fill(node, ...children) {
  node.replaceChildren();
  return add(node, ...children);
}

/** Return a button. */
export function button(text, onclick, attributes = {}) {
  return h("button", { type: "button", onclick, ...attributes }, text);
}

/** Return a table that scrolls by itself where the screen is narrow. */
export function table(label, columns, rows) {
  const head = h("tr", {}, columns.map((column) => (column instanceof Node ? column : h("th", { scope: "col" }, column))));
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    h("table", {}, h("thead", {}, head), h("tbody", {}, rows)),
  );
}

/** Return a row of a table whose first cell names it. */
export function row(first, ...cells) {
  return h("tr", {}, h("th", { scope: "row" }, first), cells.map((cell) => h("td", {}, cell)));
}

/** Return a button that copies a text. */
export function copyButton(text) {
  const made = button("Copy", async () => {
    try {
      await navigator.clipboard.writeText(text);
      say("Copied.");
    } catch {
      say("The browser does not let this page copy: select the text instead.");
    }
  });
  return made;
}

/** Tell something in passing, to those who look and to those who listen. */
export function say(text) {
  const place = document.getElementById("status");
  place.textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => (place.textContent = ""), 6000);
}

/** Return a paragraph that tells of an error. */
export function errorText(error) {
  return h("p", { class: "error", role: "alert" }, error.message);
}

/** Show a dialog, which is gone when it is closed; return it. */
export function dialog(title, ...children) {
  const made = h(
    "dialog",
    { "aria-labelledby": "dialog-title" },
    h("h2", { id: "dialog-title" }, title),
    children,
  );
  const before = document.activeElement;
  made.addEventListener("close", () => {
    made.remove();
    if (before?.isConnected) before.focus();
  });
  document.body.append(made);
  made.showModal();
  return made;
}

/** Ask before something is done; `act` does it, and what it throws is told in the dialog. */
export function confirmDialog(title, children, yes, act) {
  const wrong = h("div");
  const sure = button(yes, async () => {
    sure.disabled = true;
    try {
      await act();
      shown.close();
    } catch (error) {
      fill(wrong, errorText(error));
      sure.disabled = false;
    }
  }, { class: "danger" });
  const cancel = button("Cancel", () => shown.close());
  const shown = dialog(title, children, wrong, h("p", { class: "buttons" }, cancel, sure));
  cancel.focus();
  return shown;
}
