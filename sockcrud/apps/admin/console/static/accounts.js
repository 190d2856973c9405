// Who may log in.

import { call, send } from "./call.js";
import { button, confirmDialog, fill, h, say } from "./dom.js";
import { formDialog } from "./form.js";
import { Listing } from "./listing.js";

const COLUMNS = [
  { name: "login", title: "Login name" },
  { name: "role" },
  { name: "company_id", title: "Company" },
  { name: "active", write: (active) => (active ? "active" : "inactive") },
  { name: "id" },
];
const LOGIN = { name: "login", title: "Login name", schema: { type: "string" }, expects: "a name or an email, no blanks, ':' or ','" };
const ROLE = { name: "role", schema: { enum: ["user", "admin"] }, expects: "an admin may do everything here" };
const COMPANY = { name: "company_id", title: "Company", schema: { type: "integer" }, expects: "the id of a company", optional: true };
const ACTIVE = { name: "active", schema: { type: "boolean" }, expects: "whether it may log in" };
const password = (expects, optional) => ({ name: "password", title: "Password", schema: { type: "string" }, secret: true, expects, optional });

export async function show(content, { signal }) {
  const listing = new Listing("Accounts", "accounts", COLUMNS, { open: change, signal });
  const fresh = button("New account", create, { class: "primary" });
  fill(content, h("div", { class: "toolbar" }, fresh), listing.node);
  await listing.load();

  function create() {
    const fields = [LOGIN, password("8 characters or more, unless the daemon is set otherwise"), ROLE, COMPANY, ACTIVE];
    formDialog("New account", fields, {
      values: { role: "user", active: true },
      label: "Create",
      save: async (body) => {
        const made = await call("POST", "accounts", { body });
        say(`The account ${made.login} was created.`);
        listing.load();
      },
    });
  }

  function change(account) {
    const fields = [LOGIN, password("empty: as it is", true), ROLE, COMPANY, ACTIVE];
    const sessions = h("a", { href: `#/sessions?account_id=${account.id}`, onclick: () => shown.close() }, "Its sessions");
    const deactivate = account.active && button("Deactivate…", () => {
      shown.close();
      confirmDeactivate(account, listing);
    }, { class: "danger" });
    const shown = formDialog(`Account ${account.login}`, fields, {
      values: account,
      more: deactivate,
      extra: h("p", {}, sessions, ". A change ends them, but for the one that makes it."),
      save: async (given) => {
        const body = Object.fromEntries(Object.entries(given).filter(([name, value]) => value !== account[name]));
        await call("PATCH", `accounts/${account.id}`, { body, rev: account.rev });
        say(`The account ${body.login ?? account.login} was saved.`);
        listing.load();
      },
    });
  }
}

function confirmDeactivate({ id, login, rev }, listing) {
  const what = h("p", {}, "It can no longer log in, and its sessions end. Nothing is deleted.");
  confirmDialog(`Deactivate ${login}?`, what, "Deactivate", async () => {
    await send("DELETE", `accounts/${id}`, { rev });
    say(`The account ${login} is inactive now.`);
    listing.load();
  });
}
