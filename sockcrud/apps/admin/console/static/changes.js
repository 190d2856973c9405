// What has changed, as it changes.

import { call, withQuery } from "./call.js";
import { button, errorText, fill, h, row, table } from "./dom.js";
import { short } from "./listing.js";

const EVERY = 2000;
const SHOWN = 200;

export async function show(content, { signal }) {
  const { store } = await call("GET", "overview", { signal });
  const rows = h("tbody");
  const trouble = h("div");
  let since = Math.max(0, store.rev - 50);
  let paused = false;
  const pause = button("Pause", () => {
    paused = !paused;
    pause.textContent = paused ? "Go on" : "Pause";
    pause.setAttribute("aria-pressed", String(paused));
  }, { "aria-pressed": "false" });
  const list = table("Changes", ["Revision", "Record", "What it became"], []);
  list.querySelector("tbody").replaceWith(rows);
  fill(content, h("div", { class: "toolbar" }, h("p", {}, "The latest come first."), pause), trouble, list);

  async function look() {
    if (paused || document.hidden) return;
    try {
      const { items } = await call("GET", withQuery("changes", { since, limit: 100 }), { signal });
      fill(trouble);
      for (const change of items) rows.prepend(rowOf(change));
      while (rows.children.length > SHOWN) rows.lastElementChild.remove();
      since = items.at(-1)?.rev ?? since;
    } catch (error) {
      if (signal.aborted) return;
      if (error.status === 410) since = (await call("GET", "overview", { signal })).store.rev;
      else fill(trouble, errorText(error));
    }
  }

  await look();
  const timer = setInterval(look, EVERY);
  signal.addEventListener("abort", () => clearInterval(timer));
}

function rowOf({ rev, kind, id, record }) {
  if (record === null) return row(rev, `${kind} ${id}`, h("span", { class: "muted" }, "deleted"));
  const { kind: _, id: __, rev: ___, ...fields } = record;
  const text = Object.entries(fields).map(([name, value]) => `${name}: ${short(value)}`).join(", ");
  return row(rev, `${kind} ${id}`, text);
}
