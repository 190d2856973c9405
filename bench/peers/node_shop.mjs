// The shop's clients with node's own http, and nothing else: `node node_shop.mjs PORT`. Everything is in Maps.

import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";

const SESSION_MS = 12 * 3600 * 1000;
const FETCH = /^\/clients\/fetch\/(\d{1,19})\/?$/;

const users = new Map();
const sessions = new Map(); // by the SHA-256 of the token: whose, and until when
const clients = new Map();

const digest = (token) => createHash("sha256").update(token).digest("base64");

function answer(response, status, body, headers) {
  const text = JSON.stringify(body);
  response.writeHead(status, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text), ...headers });
  response.end(text);
}

function loggedIn(request) {
  const authorization = request.headers.authorization;
  if (authorization === undefined || !authorization.startsWith("Bearer ")) return null;
  const session = sessions.get(digest(authorization.slice(7)));
  return session !== undefined && session.until > Date.now() ? session.user : null;
}

async function body(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return JSON.parse(Buffer.concat(parts).toString());
}

async function createUser(request, response) {
  const { username, password } = await body(request);
  users.set(username, password);
  answer(response, 201, { msg: "User created" });
}

function logIn(request, response) {
  const [username, password] = Buffer.from(request.headers.authorization.slice(6), "base64").toString().split(":");
  if (users.get(username) !== password) return answer(response, 401, { msg: "Wrong" });
  const token = randomBytes(32).toString("hex");
  sessions.set(digest(token), { user: username, until: Date.now() + SESSION_MS });
  answer(response, 200, { msg: "Logged in", token });
}

async function createClient(request, response) {
  const { name, email, cpf, balance } = await body(request);
  const id = clients.size + 1;
  clients.set(id, { id, name, email, cpf, balance: balance.toFixed(2) });
  answer(response, 201, { msg: "Client created", id });
}

function fetchClient(response, id) {
  const client = clients.get(id);
  if (client === undefined) answer(response, 404, { msg: "There is no such client" });
  else answer(response, 200, client);
}

createServer((request, response) => {
  const { method, url } = request;
  if (method === "POST" && url === "/user/create") return createUser(request, response);
  if (method === "POST" && url === "/user/login") return logIn(request, response);
  const found = FETCH.exec(url);
  if (found === null && url !== "/clients/create") return answer(response, 404, { msg: "There is nothing here" });
  if (found === null ? method !== "POST" : method !== "GET") return answer(response, 405, { msg: "Not so" });
  if (loggedIn(request) === null) return answer(response, 401, { msg: "Log in first" }, { "WWW-Authenticate": "Bearer" });
  return found === null ? createClient(request, response) : fetchClient(response, Number(found[1]));
}).listen(Number(process.argv[2]), "127.0.0.1", 1024);
