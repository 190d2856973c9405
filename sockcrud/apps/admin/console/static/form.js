// Forms that follow from how fields are declared: {name, schema, expects, help, secret, optional}.

import { whole } from "./call.js";
import { button, dialog, errorText, fill, h } from "./dom.js";

const LONG = 200; // characters from which on a text gets more than one line

/** Show a form in a dialog; `save` gets the values by name, and what it throws is told in there. */
export function formDialog(title, fields, { values = {}, save, label = "Save", more = [], extra = [] }) {
  const inputs = fields.map((field) => new Input(field, values[field.name]));
  const wrong = h("div");
  const submit = h("button", { class: "primary" }, label);
  const form = h(
    "form",
    { method: "dialog", novalidate: true, onsubmit: send },
    inputs.map((input) => input.node),
    wrong,
    h("p", { class: "buttons" }, button("Cancel", () => shown.close()), more, submit),
  );
  const shown = dialog(title, extra, form);
  inputs[0]?.control.focus();

  async function send(event) {
    event.preventDefault();
    submit.disabled = true;
    fill(wrong);
    for (const input of inputs) input.mark("");
    try {
      const given = {};
      for (const input of inputs) if (input.given) given[input.field.name] = input.value;
      await save(given);
      shown.close();
    } catch (error) {
      submit.disabled = false;
      const at = inputs.find((input) => input.field.name === error.field);
      if (at) at.mark(error.message);
      else fill(wrong, errorText(error));
      (at?.control ?? submit).focus();
    }
  }

  return shown;
}

class Input {
  constructor(field, value) {
    this.field = field;
    const id = `field-${field.name}`;
    const hints = [field.help, field.expects].filter(Boolean).join("; ");
    this.wrong = h("span", { class: "error", id: `${id}-wrong` });
    this.control = control(field, value, { id, "aria-describedby": `${id}-hint ${id}-wrong` });
    const name = h("label", { for: id }, field.title ?? field.name);
    const hint = h("small", { id: `${id}-hint` }, hints);
    const isFlag = field.schema.type === "boolean";
    this.node = h("p", { class: isFlag ? "field flag" : "field" }, isFlag ? [this.control, name] : [name, this.control], hint, this.wrong);
  }

  /** Whether a value is given: what may be left out, and is empty, is not. */
  get given() {
    return !this.field.optional || this.control.type === "checkbox" || this.control.value !== "";
  }

  get value() {
    const { control: { type, checked, value }, field: { schema } } = this;
    if (type === "checkbox") return checked;
    return schema.type === "integer" ? whole(value.trim()) : value;
  }

  /** Tell what is wrong with the value, "" for nothing. */
  mark(message) {
    this.wrong.textContent = message;
    this.control.setAttribute("aria-invalid", message ? "true" : "false");
  }
}

function control({ schema, secret }, value, attributes) {
  if (schema.type === "boolean") {
    return h("input", { type: "checkbox", checked: value === true, ...attributes });
  }
  if (schema.enum) {
    const options = schema.enum.map((word) => h("option", { value: word, selected: word === value }, word));
    return h("select", attributes, options);
  }
  const text = value === undefined || value === null ? "" : String(value);
  if (schema.type === "string" && (schema.maxLength ?? 0) > LONG && !secret && !schema.pattern) {
    const made = h("textarea", { rows: "4", ...attributes });
    made.value = text;
    return made;
  }
  const type = secret ? "password" : schema.format === "date" ? "date" : "text";
  const mode = schema.type === "integer" ? "numeric" : null;
  const fills = secret ? "new-password" : "off";
  return h("input", { type, inputmode: mode, autocomplete: fills, value: text, ...attributes });
}
