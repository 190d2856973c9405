// A request of the journal as the bytes to send it again, once somebody has edited it.

const HTTP = /^([A-Z]+) (\S+) HTTP\/1\.[01]$/;

/** Return the parts of a request of HTTP, null for anything else. */
function readHttp(text) {
  const [head, ...rest] = text.replaceAll("\r\n", "\n").split("\n\n");
  const [first, ...lines] = head.split("\n");
  const [, method, target] = HTTP.exec(first) ?? [];
  if (method === undefined) return null;
  const fields = lines.map((line) => /^([^:]+):\s*(.*)$/.exec(line)).filter(Boolean).map(([, name, value]) => [name, value]);
  return { method, target, fields, body: rest.join("\n\n") };
}

/** Return what is to be sent for a text that somebody has edited: lines end as HTTP has them. */
export function asSent(text) {
  const http = readHttp(text);
  if (http === null) return text.endsWith("\n") ? text : `${text}\n`;
  const length = new TextEncoder().encode(http.body).length;
  const fields = http.fields.filter(([name]) => name.toLowerCase() !== "content-length");
  if (http.body !== "") fields.push(["Content-Length", length]);
  const lines = [`${http.method} ${http.target} HTTP/1.1`, ...fields.map(([name, value]) => `${name}: ${value}`)];
  return `${lines.join("\r\n")}\r\n\r\n${http.body}`;
}
