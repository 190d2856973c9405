// The OpenAPI description, readable, with a form to try what this port serves.

import { ask, call, withQuery } from "./call.js";
import { add, button, copyButton, errorText, fill, h, row, table } from "./dom.js";

const METHODS = ["get", "post", "put", "patch", "delete", "head"];
const LONGEST_SHOWN = 100_000;

export async function show(content, { signal }) {
  const description = await call("GET", "openapi.json", { signal });
  const intro = h("p", {}, "What the HTTP ports serve, from ", h("a", { href: "#", onclick: (event) => download(event, description) }, "the OpenAPI description"), ".");
  const sections = description.tags.map((tag) => section(description, tag));
  fill(content, intro, sections);
}

function download(event, description) {
  event.preventDefault();
  const url = URL.createObjectURL(new Blob([JSON.stringify(description, null, 2)], { type: "application/json" }));
  h("a", { href: url, download: "openapi.json" }).click();
  URL.revokeObjectURL(url);
}

function section(description, tag) {
  const operations = Object.entries(description.paths).flatMap(([path, methods]) =>
    METHODS.filter((method) => methods[method]?.tags[0] === tag.name)
      .map((method) => new Operation(description, method, path.split("#")[0], methods[method])));
  return h("details", { class: "tag", open: tag.name === "admin" },
    h("summary", {}, h("h2", {}, tag.name), " ", h("span", { class: "muted" }, `${tag.description} (${operations.length})`)),
    operations.map((operation) => operation.node));
}

class Operation {
  constructor(description, method, path, said) {
    Object.assign(this, { description, method: method.toUpperCase(), path, said });
    this.own = said.tags[0] === "admin"; // what other ports serve, the browser keeps from this page
    const name = h("summary", {}, h("code", { class: `method ${method}` }, this.method), " ", h("code", {}, path), " ", said.summary);
    this.node = h("details", { class: "operation" }, name);
    this.node.addEventListener("toggle", () => this.node.childElementCount === 1 && this.draw());
  }

  /** Put in what is said of the operation: only now, as there are some hundred. */
  draw() {
    this.inputs = (this.said.parameters ?? []).map((parameter) => [parameter, h("input", { "aria-label": parameter.name, autocomplete: "off" })]);
    const rows = this.inputs.map(([{ name, in: where, required, schema }, input]) =>
      row(h("code", {}, name), `${where}${required ? ", needed" : ""}`, h("code", {}, JSON.stringify(schema)), input));
    const content = this.said.requestBody?.content;
    this.type = content ? Object.keys(content)[0] : null;
    this.body = content ? h("textarea", { rows: "6", "aria-label": "Body" }) : null;
    if (this.body && this.type === "application/json") {
      this.body.value = JSON.stringify(example(this.resolve(content[this.type].schema)), null, 2);
    }
    this.answer = h("div", { role: "status" });
    const answers = Object.entries(this.said.responses).map(([status, { description }]) => h("li", {}, h("code", {}, status), ` ${description}`));
    const label = this.method === "GET" || this.method === "HEAD" ? "Send" : "Send (it takes effect)";
    add(this.node,
      rows.length > 0 && table("Parameters", ["Parameter", "Where", "What", "Value"], rows),
      this.body && h("div", {}, h("p", {}, `Body, ${this.type}:`), this.body),
      h("p", { class: "buttons" }, this.own && button(label, () => this.send(), { class: "primary" }), button("As curl", () => this.tell())),
      this.answer,
      h("p", {}, "Answers:"), h("ul", { class: "answers" }, answers));
  }

  resolve(schema) {
    const name = schema.$ref?.split("/").at(-1);
    return name ? this.description.components.schemas[name] : schema;
  }

  /** The path and the query as they are filled in. */
  get target() {
    const given = (where) => this.inputs.filter(([parameter]) => parameter.in === where).map(([{ name }, { value }]) => [name, value]);
    let { path } = this;
    for (const [name, value] of given("path")) path = path.replace(`{${name}}`, encodeURIComponent(value));
    return withQuery(path, Object.fromEntries(given("query")));
  }

  get headers() {
    return this.inputs.filter(([{ in: where }, { value }]) => where === "header" && value !== "").map(([{ name }, { value }]) => [name, value]);
  }

  async send() {
    const rev = this.headers.find(([name]) => name === "If-Match")?.[1].replaceAll('"', "");
    try {
      const text = this.body?.value;
      const answer = await ask(this.method, this.target.slice(1), { text, type: this.type, rev });
      const body = await answer.text();
      fill(this.answer, h("p", {}, h("strong", {}, `${answer.status}`), ` ${answer.headers.get("Content-Type") ?? ""}`), body && h("pre", { tabindex: "0" }, pretty(body)));
    } catch (error) {
      fill(this.answer, errorText(error));
    }
  }

  tell() {
    const words = ["curl", "-X", this.method, quoted(this.said.servers[0].url + this.target)];
    for (const [name, value] of this.headers) words.push("-H", quoted(`${name}: ${value}`));
    if (this.said.security?.length) words.push("-H", '"Authorization: Bearer $TOKEN"');
    if (this.body) words.push("-H", quoted(`Content-Type: ${this.type}`), "-d", quoted(this.body.value));
    const text = words.join(" ");
    fill(this.answer, h("pre", { tabindex: "0" }, text), copyButton(text));
  }
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function pretty(text) {
  let shown = text;
  try {
    shown = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // figures, lines of an export
  }
  return shown.length > LONGEST_SHOWN ? `${shown.slice(0, LONGEST_SHOWN)}\n… ${shown.length - LONGEST_SHOWN} characters more` : shown;
}

/** Return a value that begins to fit a schema. */
function example(schema) {
  if (schema.enum) return schema.enum[0];
  if (schema.oneOf) return example(schema.oneOf[0]);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type !== "object") return { integer: schema.minimum > 0 ? schema.minimum : 0, number: 0, boolean: true, array: [], null: null }[type] ?? "";
  return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, each]) => [name, example(each)]));
}
