// A list that is read a page at a time: as much as is shown is asked for, and no more.

import { call, withQuery } from "./call.js";
import { button, errorText, fill, h, row, table } from "./dom.js";

export const SIZES = [25, 100, 500];

/**
 * A list of what a path answers as {items, next}. `columns` are {name, title, write}; the first names
 * the row, and `open` shows one. `query` is asked for with each page.
 */
export class Listing {
  constructor(label, path, columns, { query = {}, open = null, signal, limit = SIZES[0] }) {
    Object.assign(this, { label, path, columns, query, open, signal, limit });
    this.after = [null]; // what each page comes after, the one that is shown last
    this.sort = null;
    this.items = [];
    this.place = h("div");
    this.about = h("span", { class: "muted", role: "status" });
    this.first = button("First", () => this.turn(() => (this.after = [null])));
    this.previous = button("Previous", () => this.turn(() => this.after.pop()));
    this.next = button("Next", () => this.turn(() => this.after.push(this.following)));
    const sizes = SIZES.map((size) => h("option", { value: size, selected: size === limit }, `${size} a page`));
    const size = h("select", { "aria-label": "How many on a page", onchange: () => this.turn(() => {
      this.limit = Number(size.value);
      this.after = [null];
    }) }, sizes);
    this.buttons = h("p", { class: "buttons" }, this.first, this.previous, this.next, size, this.about);
    this.node = h("div", {}, this.place, this.buttons);
  }

  /** Go to another page. */
  async turn(change) {
    change();
    await this.load();
  }

  /** Read the page that is shown, and draw it. */
  async load() {
    const query = { ...this.query, limit: this.limit, after: this.after.at(-1) };
    this.first.disabled = this.previous.disabled = this.next.disabled = true;
    try {
      const { items, next } = await call("GET", withQuery(this.path, query), { signal: this.signal });
      this.items = items;
      this.following = next;
      this.draw();
    } catch (error) {
      if (!this.signal.aborted) fill(this.place, errorText(error));
    }
    this.first.disabled = this.previous.disabled = this.after.length === 1;
    this.next.disabled = this.following === null || this.following === undefined;
  }

  draw() {
    const heads = this.columns.map((column) => this.head(column));
    const rows = this.sorted().map((item) => this.row(item));
    fill(this.place, rows.length ? table(this.label, heads, rows) : h("p", {}, "There are none."));
    const page = this.after.length;
    this.about.textContent = rows.length ? `page ${page}, ${rows.length} shown` : "";
  }

  row(item) {
    const [first, ...rest] = this.columns.map((column) => this.cell(column, item));
    const opens = this.open === null ? first : button(first, () => this.open(item), { class: "link" });
    return row(opens, ...rest);
  }

  cell({ name, write }, item) {
    return write ? write(item[name], item) : short(item[name]);
  }

  head({ name, title }) {
    const sorts = this.sort?.name === name;
    const direction = sorts ? (this.sort.down ? "descending" : "ascending") : "none";
    const by = button(title ?? name, () => {
      this.sort = { name, down: sorts && !this.sort.down };
      this.draw();
      const again = this.place.querySelectorAll("th[scope=col] button");
      again[this.columns.findIndex((column) => column.name === name)]?.focus();
    }, { class: "sort", title: "Sort what is on this page" });
    return h("th", { scope: "col", "aria-sort": direction }, by);
  }

  /** What is on this page, sorted; the pages themselves are in the order of the ids. */
  sorted() {
    if (this.sort === null) return this.items;
    const { name, down } = this.sort;
    const order = (a, b) => compare(a[name], b[name]) * (down ? -1 : 1);
    return [...this.items].sort(order);
  }
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}

/** Write a value for a cell of a table. */
export function short(value) {
  if (value === null || value === undefined) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/** Write a moment as the clock here has it. */
export function moment(text) {
  const date = new Date(text);
  return Number.isNaN(date.valueOf()) ? text : h("time", { datetime: text }, date.toLocaleString());
}
