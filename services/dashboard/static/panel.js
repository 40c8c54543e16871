// A panel that is asked for slowly: its figures stay where the dashboard does not answer, and the panel says that they are old.
import { $, put } from "./dom.js";

const EVERY = 10000;

/** Ask `path` every ten seconds while somebody looks, and `show` what it says. Trouble is told in `${name}-trouble`. */
export async function poll(path, name, show) {
  let trouble = "";
  try {
    if (!document.hidden) {
      const answer = await fetch(path, { signal: AbortSignal.timeout(30000), headers: { Accept: "application/json" } });
      const found = await answer.json();
      if (!answer.ok) throw new Error(found.detail);
      show(found);
    }
  } catch (error) {
    trouble = `These figures are old: ${error.name === "TypeError" ? "the dashboard does not answer" : error.message}`;
  }
  $(`${name}-trouble`).hidden = !trouble;
  put(`${name}-trouble`, trouble);
  setTimeout(poll, EVERY, path, name, show);
}
