// Asking the server, once or until it has said what became of it.

import { banner } from "./dom.js";

const LONGEST_PAUSE = 5000; // milliseconds between two tries
const PATIENCE = 15000; // milliseconds for an answer
const OFFLINE = "You are offline.";
const NO_ANSWER = "The server does not answer.";

/** Ask once. `status` is 0 where no answer of ours came. */
export async function fetched(method, path, body) {
  try {
    const response = await fetch(path, {
      method,
      headers: { "Content-Type": "application/json" },
      body: body && JSON.stringify(body),
      keepalive: true, // an answer goes out although its tab is closed
      signal: AbortSignal.timeout(PATIENCE),
    });
    const { status, headers } = response;
    return { status, body: status === 204 ? null : await response.json(), after: Number(headers.get("Retry-After")) };
  } catch {
    return { status: 0, body: { detail: NO_ANSWER }, after: 0 };
  }
}

/** Ask once as who is signed in. Who is not any more starts afresh, with the sign-in form; this tab keeps the rest. */
export async function ask(method, path, body) {
  const answer = await fetched(method, path, body);
  if (answer.status !== 401) return answer;
  location.reload();
  return new Promise(() => {});
}

/** Post until there is an answer that stays the same however often one asks. `kept` says what waits meanwhile. */
export async function send(path, body, kept) {
  for (let pause = 500; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    const answer = await ask("POST", path, body);
    if (answer.status === 429) pause = 1000 * Math.max(answer.after, 1);
    else if (answer.status > 0 && answer.status < 500) {
      banner("trouble", "");
      return answer;
    }
    banner("trouble", `${why(answer)} ${kept}`);
    await online(pause);
  }
}

function why({ status, after }) {
  if (status === 429) return `That was too much for the server, which asks to wait for ${after} s.`;
  return navigator.onLine ? NO_ANSWER : OFFLINE;
}

/** Wait, but not past the moment at which the connection comes back. */
function online(milliseconds) {
  return new Promise((resolve) => {
    const back = new AbortController();
    const go = () => { back.abort(); resolve(); };
    const timer = setTimeout(go, milliseconds);
    back.signal.addEventListener("abort", () => clearTimeout(timer));
    addEventListener("online", go, { signal: back.signal });
  });
}

/** Say at once that the connection dropped, and that it is back. */
export function watchConnection() {
  addEventListener("offline", () => banner("trouble", `${OFFLINE} Your answer is kept and sent when you are back.`));
  addEventListener("online", () => banner("trouble", ""));
}
