// The records of all apps: lists and forms that follow from how each kind is declared.

import { call, send } from "./call.js";
import { button, confirmDialog, dialog, fill, h, say } from "./dom.js";
import { formDialog } from "./form.js";
import { Listing, moment } from "./listing.js";

export async function show(content, { parts: [path], query, signal }) {
  const { items: kinds } = await call("GET", "records", { signal });
  const kind = kinds.find((each) => each.path === path);
  fill(content, kindList(kinds, kind), kind ? h("div") : h("p", {}, "Choose a kind of record."));
  if (kind) new Records(content.lastElementChild, kind, kinds, query, signal);
}

function kindList(kinds, chosen) {
  const links = kinds.map((kind) => {
    const current = kind === chosen ? "page" : null;
    const count = h("span", { class: "muted" }, kind.count.toLocaleString("en"));
    const link = h("a", { href: `#/records/${kind.path}`, "aria-current": current }, kind.path);
    return h("li", {}, link, " ", count);
  });
  return h("nav", { "aria-label": "Kinds of record", class: "kinds" }, h("ul", {}, links));
}

class Records {
  constructor(content, kind, kinds, query, signal) {
    this.kind = kind;
    this.kinds = kinds;
    this.home = `records/${kind.path}`;
    const columns = [
      { name: "id" },
      ...kind.fields.filter((field) => !field.secret).map((field) => this.column(field)),
      { name: "rev" },
    ];
    const known = Object.entries(query).filter(([name]) => kind.filters.includes(name));
    this.listing = new Listing(kind.path, this.home, columns, {
      query: Object.fromEntries(known), open: (item) => this.open(item), signal,
    });
    const create = kind.create && button(`New ${kind.name}`, () => this.create(), { class: "primary" });
    const note = !kind.create && !kind.change && !kind.delete && "These can only be looked at here.";
    fill(content, h("h2", {}, kind.name), h("p", {}, kind.about, " ", note),
      h("div", { class: "toolbar" }, create, this.filter(query)), this.listing.node);
    this.listing.load();
  }

  column({ name, schema, refers_to: refers }) {
    const to = this.kinds.find((kind) => kind.name === refers);
    if (to) return { name, write: (id) => h("a", { href: `#/records/${this.kind.path}?${name}=${id}`, title: `all with this ${name}` }, id) };
    return schema.format === "date-time" ? { name, write: moment } : { name };
  }

  filter(query) {
    const { filters, path } = this.kind;
    if (!filters.length) return h("p", { class: "muted" }, "No field of these is indexed, to filter by.");
    const chosen = filters.find((name) => name in query) ?? filters[0];
    const field = h("select", { "aria-label": "Field to filter by" }, filters.map((name) => h("option", { selected: name === chosen }, name)));
    const value = h("input", { "aria-label": "Its value", value: query[chosen] ?? "" });
    const clear = chosen in query && h("a", { href: `#/records/${path}` }, "Show all");
    const go = (event) => {
      event.preventDefault();
      const named = value.value === "" ? "" : `?${new URLSearchParams({ [field.value]: value.value })}`;
      location.hash = `#/records/${path}${named}`;
    };
    return h("form", { class: "filter", onsubmit: go, role: "search" }, "Where ", field, " is ", value, h("button", {}, "Filter"), clear);
  }

  fields(names) {
    return names.map((name) => {
      const field = this.kind.fields.find((each) => each.name === name);
      const help = field.refers_to ? `the id of a ${field.refers_to}` : field.help;
      return { ...field, help, optional: field.has_default || field.secret };
    });
  }

  create() {
    const { name, create, chooses_id: choosesId } = this.kind;
    const id = { name: "id", schema: { type: "integer" }, expects: "a whole number, or nothing for the next", optional: true };
    const fields = this.fields(create).map((field) => ({ ...field, optional: field.has_default }));
    formDialog(`New ${name}`, choosesId ? [id, ...fields] : fields, {
      label: "Create",
      save: async (body) => {
        const made = await call("POST", this.home, { body });
        say(`${name} ${made.id} was created.`);
        this.listing.load();
      },
    });
  }

  async open({ id }) {
    const { name, change, delete: deletes } = this.kind;
    let record;
    try {
      record = await call("GET", `${this.home}/${id}`);
    } catch (error) {
      return say(error.message);
    }
    const title = `${name} ${record.id}`;
    const remove = deletes && button("Delete…", () => {
      shown.close();
      this.remove(record);
    }, { class: "danger" });
    const others = this.kind.fields.filter((field) => !field.secret && !change?.includes(field.name));
    const facts = details([["rev", record.rev], ...others.map((field) => [field.name, record[field.name]])]);
    const shown = change
      ? formDialog(title, this.fields(change), {
        values: record, more: remove, extra: facts, save: (body) => this.save(record, body),
      })
      : dialog(title, facts, h("p", { class: "buttons" }, button("Close", () => shown.close()), remove));
  }

  async save(record, body) {
    const changed = Object.fromEntries(Object.entries(body).filter(([name, value]) => value !== record[name]));
    try {
      await call("PATCH", `${this.home}/${record.id}`, { body: changed, rev: record.rev });
    } catch (error) {
      if (error.status !== 412) throw error;
      error.message = "Somebody has changed this record since it was opened: nothing was saved. Close, and open it anew.";
      throw error;
    }
    say(`${this.kind.name} ${record.id} was saved.`);
    this.listing.load();
  }

  async remove({ id, rev }) {
    const { name } = this.kind;
    let found;
    try {
      found = (await call("GET", `${this.home}/${id}/dependents`)).items;
    } catch (error) {
      return say(error.message);
    }
    const tell = ({ kind, field, count, more }) => h("li", {}, `${count}${more ? " or more" : ""} ${kind} (${field})`);
    const goes = found.filter((each) => each.goes);
    const stays = found.filter((each) => !each.goes);
    const children = [
      goes.length > 0 && [h("p", {}, "With it go, for good:"), h("ul", {}, goes.map(tell))],
      stays.length > 0 && [h("p", {}, "It cannot go while there are:"), h("ul", {}, stays.map(tell))],
      !found.length && h("p", {}, "Nothing else refers to it."),
    ];
    confirmDialog(`Delete ${name} ${id}?`, children, goes.length ? "Delete all of it" : "Delete", async () => {
      await send("DELETE", `${this.home}/${id}`, { rev });
      say(`${name} ${id} was deleted.`);
      this.listing.load();
    });
  }
}

/** Return names and values as a list. */
function details(pairs) {
  return h("dl", { class: "details" }, pairs.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, String(value)))));
}
