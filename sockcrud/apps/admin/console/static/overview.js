// What listens where, how much is asked of it, what is stored, what is dangerous.

import { call } from "./call.js";
import { Chart } from "./chart.js";
import { copyButton, errorText, fill, h, row, table } from "./dom.js";
import { between, duration, perSecond } from "./figures.js";

const EVERY = 2000;

export async function show(content, { signal }) {
  const rates = new Chart("Requests a second", perSecond);
  const slowest = new Chart("Slowest of a hundred (p99)", duration);
  const trouble = h("div");
  const warnings = h("div");
  const dialects = h("div");
  const store = h("div");
  const charts = h("div", { class: "charts" }, rates.node, slowest.node);
  fill(content, trouble, warnings, charts, h("h2", {}, "Dialects"), dialects, h("h2", {}, "Store"), store);
  let before = null;
  let rows = null;

  async function look() {
    if (document.hidden) return;
    try {
      const now = await call("GET", "overview", { signal });
      const rising = between(before, now);
      if (rising !== null) {
        rates.push(rising.all.rate);
        slowest.push(rising.all.p99);
      }
      before = now;
      draw(now, rising);
    } catch (error) {
      if (!signal.aborted) fill(trouble, errorText(error));
    }
  }

  function draw(now, rising) {
    fill(trouble);
    if (rows === null) {
      rows = new Map(now.dialects.map((dialect) => [dialect.name, new DialectRow(dialect)]));
      fill(dialects, table("Dialects", COLUMNS, [...rows.values()].map((each) => each.node)));
    }
    for (const dialect of now.dialects) rows.get(dialect.name)?.update(dialect, rising);
    fill(warnings, now.warnings.length > 0 && warningList(now.warnings));
    fill(store, storeList(now));
  }

  await look();
  const timer = setInterval(look, EVERY);
  signal.addEventListener("abort", () => clearInterval(timer));
}

const COLUMNS = ["Dialect", "Listens on", "Connections", "Requests", "p99", "To try it"];

// Only the figures of a row change, so that what somebody has selected or scrolled to stays.
class DialectRow {
  constructor({ name, url, trial }) {
    this.listens = h("span");
    // Not all of them speak HTTP: what is shown is the address.
    const [scheme, place] = url?.split("://") ?? ["", "a Unix socket"];
    this.place = scheme === "https" ? `${place} (TLS)` : place;
    [this.connections, this.rate, this.p99] = [1, 2, 3].map(() => h("span", { class: "number" }));
    const example = trial && h("span", { class: "trial" }, h("code", {}, trial), copyButton(trial));
    this.node = row(name, this.listens, this.connections, this.rate, this.p99, example);
  }

  update({ name, listening, connections }, rising) {
    const figures = rising?.dialects.get(name);
    this.listens.className = listening ? "good" : "muted";
    this.listens.textContent = listening ? this.place : "off";
    this.connections.textContent = connections;
    this.rate.textContent = figures ? perSecond(figures.rate) : "–";
    this.p99.textContent = duration(figures?.p99 ?? null);
  }
}

function warningList(warnings) {
  const lines = warnings.map((text) => h("li", {}, `Warning: ${text}`));
  return h("ul", { class: "warnings", "aria-label": "Warnings" }, lines);
}

function storeList({ store: { where, rev, records }, version }) {
  const counts = Object.entries(records ?? {}).map(([kind, count]) =>
    h("div", {}, h("dt", {}, kind), h("dd", {}, count.toLocaleString("en"))));
  return [
    h("p", {}, h("code", {}, where), `, revision ${rev.toLocaleString("en")}, sockcrud ${version}`),
    records === null
      ? h("p", { class: "error" }, "The store cannot be reached.")
      : h("dl", { class: "counts" }, counts),
  ];
}
