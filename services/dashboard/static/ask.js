// Asking the dashboard: once, again and again while somebody looks, and to do something.
import { $, put } from "./dom.js";

/** What the dashboard answers. The error's message is the server's own; `status` is 0 where there was no answer. */
async function ask(path, options = {}) {
  let answer, body;
  try {
    answer = await fetch(path, { signal: AbortSignal.timeout(30000), ...options, headers: { Accept: "application/json", ...options.headers } });
    body = await answer.json();
  } catch {
    throw Object.assign(new Error("the dashboard does not answer"), { status: 0 });
  }
  if (answer.status === 401) location.assign("/login");
  if (!answer.ok) throw Object.assign(new Error(String(body.detail)), { status: answer.status });
  return body;
}

export const get = (path) => ask(path);

export async function post(path, body) {
  const done = await ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  document.dispatchEvent(new Event("changed")); // all that is shown may be old now
  return done;
}

/**
 * Ask `path()` every so often while its place on the page is to be seen, at once when it comes to be seen or something
 * was changed, and `show` what it says; `everywhere`: on every view. Trouble is told in `${name}-trouble`; what is shown stays. Returns a function
 * that asks now.
 */
export function poll(path, name, show, { every = 10000, everywhere = false } = {}) {
  const trouble = $(`${name}-trouble`);
  const place = everywhere ? null : trouble.closest("[data-view]");
  let timer = 0, newest = 0;

  async function again() {
    clearTimeout(timer);
    const mine = ++newest;
    let text = "";
    try {
      if (!document.hidden && !place?.hidden) {
        const found = await get(path());
        if (mine !== newest) return; // asked again meanwhile
        show(found);
      }
    } catch (error) {
      text = error.status === 404 ? "This dashboard does not say." : error.status == null ? String(error) : `What you see here is old: ${error.message}`;
      trouble.classList.toggle("quiet", error.status === 404);
      if (mine !== newest) return;
    }
    trouble.hidden = !text;
    put(`${name}-trouble`, text);
    timer = setTimeout(again, every);
  }

  for (const [target, event] of [[window, "hashchange"], [document, "changed"], [document, "visibilitychange"]]) target.addEventListener(event, again);
  again();
  return again;
}
