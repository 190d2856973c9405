// Calls of the admin's JSON API. Half of the login is a cookie that no script can read; the other
// half, the key, is kept here, where no page of another origin can read it.

const KEY = "sockcrud console key";

/** An error that the daemon answered, or why there is no answer: `status` is 0 then. */
export class ApiError extends Error {
  constructor(status, message, field = null, retryAfter = null) {
    super(message);
    this.status = status;
    this.field = field;
    this.retryAfter = retryAfter;
  }
}

/** Return whether there is a login to try. */
export const hasKey = () => localStorage.getItem(KEY) !== null;

/** Log in; throw ApiError. */
export async function logIn(login, password) {
  const answer = await call("POST", "console/session", { body: { login, password } });
  localStorage.setItem(KEY, answer.key);
}

/** Log out, here and at the daemon. */
export async function logOut() {
  try {
    await call("DELETE", "console/session");
  } finally {
    localStorage.removeItem(KEY);
  }
}

/** Forget a login that is over. */
export const forget = () => localStorage.removeItem(KEY);

/** Return what is answered to a request, read as JSON; throw ApiError. */
export async function call(method, path, options = {}) {
  const answer = await send(method, path, options);
  const text = await answer.text();
  return text === "" ? null : parse(text);
}

/** Return the response to a request, whatever its body; throw ApiError where it is an error. */
export async function send(method, path, options = {}) {
  const answer = await ask(method, path, options);
  if (answer.ok) return answer;
  throw await failure(answer);
}

/** Return the response to a request, error or not. `rev` is the revision the record must be at. */
export async function ask(method, path, { body, text, type, rev, signal } = {}) {
  const headers = {};
  const key = localStorage.getItem(KEY);
  if (key !== null) headers["X-Console-Key"] = key;
  if (body !== undefined) text = JSON.stringify(body);
  if (text !== undefined) headers["Content-Type"] = type ?? "application/json";
  if (rev !== undefined) headers["If-Match"] = `"${rev}"`;
  try {
    return await fetch(path, {
      method, headers, signal, body: text, credentials: "same-origin", cache: "no-store", redirect: "error",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "The daemon cannot be reached.");
  }
}

async function failure(answer) {
  const retryAfter = Number(answer.headers.get("Retry-After")) || null;
  let told = null;
  try {
    told = parse(await answer.text()).error;
  } catch {
    // what a proxy answers need not be JSON
  }
  if (answer.status === 401 && !answer.url.endsWith("/console/session")) {
    forget();
    document.dispatchEvent(new Event("login-over"));
  }
  const message = told?.message ?? `The answer was ${answer.status}.`;
  return new ApiError(answer.status, sentence(message), told?.field ?? null, retryAfter);
}

function sentence(message) {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** Read JSON. A whole number that JavaScript's numbers do not hold exactly stays the text it was. */
export function parse(text) {
  return JSON.parse(text, (name, value, context) => {
    const inexact = typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value);
    return inexact && context?.source !== undefined ? context.source : value;
  });
}

/** Return the whole number that was typed, for JSON, however large; the text itself where it is none. */
export function whole(text) {
  if (!/^-?[0-9]{1,19}$/.test(text)) return text;
  const number = Number(text);
  if (Number.isSafeInteger(number)) return number;
  return JSON.rawJSON === undefined ? text : JSON.rawJSON(BigInt(text).toString());
}

/** Return a path with a query, whose values that are empty are left out. */
export function withQuery(path, query) {
  const named = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return named.length ? `${path}?${new URLSearchParams(named)}` : path;
}
