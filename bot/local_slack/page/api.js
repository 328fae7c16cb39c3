// The person's side of the local workspace's HTTP API, and its live events.

const SILENT = "The workspace does not answer. Is it still running?";

let userId = "";

export function actAs(id) {
  userId = id;
}

function address(path, query = {}) {
  const url = new URL(path, location.origin);
  if (userId) url.searchParams.set("user", userId);
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== null) url.searchParams.set(name, value);
  return url;
}

async function answer(request) {
  try {
    const response = await request;
    const body = await response.json().catch(() => ({}));
    return response.ok
      ? { ok: true, ...body }
      : { error: `The workspace answered ${response.status}.`, ...body, ok: false };
  } catch {
    return { ok: false, error: SILENT };
  }
}

/** GET as JSON. Never throws: `{ok: false, error}` says what went wrong in a sentence. */
export const get = (path, query) => answer(fetch(address(path, query), { cache: "no-store" }));

/** POST JSON in the person's name. Never throws, see `get`. */
export const post = (path, body = {}) =>
  answer(
    fetch(new URL(path, location.origin), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ user: userId, ...body }),
    }),
  );

/** Upload one File object; resolves to `{ok, id}`. */
export const upload = (file) =>
  answer(
    fetch(address("/local/files", { name: file.name }), {
      method: "POST",
      headers: { "Content-Type": file.type || "application/octet-stream" },
      body: file,
    }),
  );

export const fileUrl = (id, preview = false) => `/local/files/${encodeURIComponent(id)}${preview ? "?preview=1" : ""}`;

export async function fileText(id) {
  const response = await fetch(fileUrl(id, true));
  if (!response.ok) throw new Error(`The workspace answered ${response.status}.`);
  return response.text();
}

/**
 * Follow the events after `since`. On a broken connection `onLost` is called, and once the workspace answers again
 * `onBack` must resolve to a fresh sequence number: what happened in between is read anew, never guessed.
 */
export function follow(since, { onEvent, onLost, onBack }) {
  let last = since;
  let pause = 500;
  const connect = () => {
    const source = new EventSource(address("/local/events", { since: last }));
    source.onmessage = (message) => {
      pause = 500;
      const event = JSON.parse(message.data);
      last = Math.max(last, event.seq ?? last);
      onEvent(event);
    };
    source.onerror = () => {
      source.close();
      onLost();
      setTimeout(again, pause);
    };
  };
  const again = async () => {
    const fresh = await onBack();
    if (fresh === null) {
      pause = Math.min(pause * 2, 5000);
      setTimeout(again, pause);
    } else {
      last = fresh;
      connect();
    }
  };
  connect();
}
