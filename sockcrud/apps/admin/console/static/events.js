// Server-Sent Events by fetch: an EventSource can send no header, and so not the key of the login.

import { send, withQuery } from "./call.js";

const REST = 1000; // milliseconds between two attempts

/**
 * Read a stream until `signal` aborts, going on behind the last event where it breaks off. `take` is
 * given the name and the data of each event, `tell` an error, or null as soon as all is well again.
 */
export async function follow(path, query, { signal, take, tell }) {
  let after = query.after ?? 0;
  while (!signal.aborted) {
    try {
      const answer = await send("GET", withQuery(path, { ...query, after }), { signal });
      tell(null);
      for await (const event of events(answer.body)) {
        if (event.id) after = event.id;
        if (event.data) take(event.name, JSON.parse(event.data));
      }
    } catch (error) {
      if (signal.aborted) return;
      tell(error);
      if (error.status >= 400 && error.status < 500) return; // to ask again would not help
    }
    await new Promise((resolve) => setTimeout(resolve, REST));
  }
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const blocks = rest.split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) yield read(block);
  }
}

function read(block) {
  const event = { name: "message", id: null, data: "" };
  for (const line of block.split("\n")) {
    const [, name, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (name === "event") event.name = value;
    else if (name === "id") event.id = value;
    else if (name === "data") event.data += value;
  }
  return event;
}
