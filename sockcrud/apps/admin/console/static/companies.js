// The companies, whose accounts see each other.

import { call } from "./call.js";
import { button, fill, h, say } from "./dom.js";
import { formDialog } from "./form.js";
import { Listing } from "./listing.js";

const COLUMNS = [
  { name: "name", title: "Name" },
  { name: "active", write: (active) => (active ? "active" : "inactive") },
  { name: "id" },
];
const FIELDS = [
  { name: "name", title: "Name", schema: { type: "string" }, expects: "a text of 1 to 200 characters" },
  { name: "active", schema: { type: "boolean" }, expects: "whether its accounts may log in" },
];

export async function show(content, { signal }) {
  const listing = new Listing("Companies", "companies", COLUMNS, { open: change, signal });
  const fresh = button("New company", create, { class: "primary" });
  fill(content, h("div", { class: "toolbar" }, fresh), listing.node);
  await listing.load();

  function create() {
    formDialog("New company", FIELDS, {
      values: { active: true },
      label: "Create",
      save: async (body) => {
        const made = await call("POST", "companies", { body });
        say(`The company ${made.name} was created.`);
        listing.load();
      },
    });
  }

  function change(company) {
    formDialog(`Company ${company.name}`, FIELDS, {
      values: company,
      extra: h("p", {}, "A change ends all sessions of its accounts."),
      save: async (given) => {
        const body = Object.fromEntries(Object.entries(given).filter(([name, value]) => value !== company[name]));
        await call("PATCH", `companies/${company.id}`, { body, rev: company.rev });
        say(`The company ${body.name ?? company.name} was saved.`);
        listing.load();
      },
    });
  }
}
