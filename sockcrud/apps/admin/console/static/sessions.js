// The logins that live, and how they are ended.

import { call, send } from "./call.js";
import { button, confirmDialog, fill, h, say } from "./dom.js";
import { Listing, moment } from "./listing.js";

export async function show(content, { query, signal }) {
  const { session_id: own } = await call("GET", "console/session", { signal });
  const account = query.account_id;
  const columns = [
    { name: "id", title: "Session" },
    { name: "account_id", title: "Account", write: (id) => h("a", { href: `#/sessions?account_id=${id}` }, id) },
    { name: "dialect", title: "Dialect" },
    { name: "address", title: "From" },
    { name: "created_at", title: "Since", write: moment },
    { name: "used_at", title: "Last used", write: moment },
    { name: "end", title: "", write: (_, session) => endButton(session) },
  ];
  const listing = new Listing("Sessions", "sessions", columns, { query: account ? { account_id: account } : {}, signal });
  const all = account && [
    h("p", {}, `Those of account ${account}. `, h("a", { href: "#/sessions" }, "Show all")),
    button("End all of them…", endAll, { class: "danger" }),
  ];
  fill(content, h("div", { class: "toolbar" }, all), listing.node);
  await listing.load();

  function endButton({ id, dialect }) {
    if (id === own) return h("span", { class: "muted" }, "this one");
    return button("End…", () => confirmDialog(`End session ${id}?`, h("p", {}, `Whoever uses it at ${dialect} has to log in again.`), "End it", async () => {
      await send("DELETE", `sessions/${id}`);
      say(`Session ${id} is over.`);
      listing.load();
    }), { "aria-label": `End session ${id}` });
  }

  function endAll() {
    confirmDialog(`End all sessions of account ${account}?`, h("p", {}, "If it is your own account, this page has to log in again too."), "End them", async () => {
      const { ended } = await call("DELETE", `sessions?account_id=${encodeURIComponent(account)}`);
      say(`${ended} ${ended === 1 ? "session is" : "sessions are"} over.`);
      listing.load();
    });
  }
}
