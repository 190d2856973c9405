// A request of the journal as commands that send the same.

const HTTP = /^([A-Z]+) (\S+) HTTP\/1\.[01]$/;

/** Return the request's parts where it is one of HTTP, null elsewhere. */
export function readHttp(text) {
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

/** Return the commands, {name, text} each, that send a request to the dialect at this URL. */
export function translations(text, url) {
  const place = new URL(url);
  const http = readHttp(text);
  const socket = { name: "Python, with a socket", text: python(asSent(text), place) };
  if (http === null) {
    const line = text.replace(/\r?\n$/, "");
    return [{ name: "A line for nc", text: `printf '%s\\n' ${quoted(line)} | nc -N ${place.hostname} ${place.port}` }, socket];
  }
  const sent = http.fields.filter(([name]) => !/^(host|content-length|connection|user-agent|accept-encoding)$/i.test(name));
  const target = quoted(place.origin + http.target);
  const curl = ["curl", "-X", http.method, target, ...sent.flatMap(([name, value]) => ["-H", quoted(`${name}: ${value}`)])];
  const httpie = ["http", http.method, target, ...sent.map(([name, value]) => quoted(`${name}:${value}`))];
  if (http.body !== "") {
    curl.push("--data-binary", quoted(http.body));
    httpie.push("--raw", quoted(http.body));
  }
  return [{ name: "curl", text: curl.join(" ") }, { name: "HTTPie", text: httpie.join(" ") }, socket];
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function python(text, place) {
  const bytes = JSON.stringify(text); // what JSON escapes, Python reads alike
  return [
    "import socket",
    "",
    `with socket.create_connection((${JSON.stringify(place.hostname)}, ${place.port})) as connection:`,
    `    connection.sendall(${bytes}.encode())`,
    "    connection.shutdown(socket.SHUT_WR)",
    "    while part := connection.recv(65536):",
    '        print(part.decode(), end="")',
  ].join("\n");
}
