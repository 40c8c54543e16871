// Signing in: a key or an invitation becomes a cookie that no script can read.

import { fetched } from "./api.js";
import { $, banner, put, show } from "./dom.js";
import { anyWaits, forgetDraft } from "./pending.js";

/** Take the key or invitation out of the address. Gives what to sign in with, or null. */
function fromAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  if (location.hash) history.replaceState(null, "", location.pathname);
  if (given.has("key")) return { key: given.get("key").trim() };
  return given.has("invite") ? { invitation: given.get("invite").trim() } : null;
}

/** Gives who is signed in, asking for a key until somebody is. */
export async function signedIn() {
  const given = fromAddress();
  let answer = given ? await fetched("POST", "/api/session", given) : await fetched("GET", "/api/me");
  let wrong = given || answer.status !== 401 ? answer.body.detail : "";
  while (answer.status !== 200) {
    answer = await fetched("POST", "/api/session", { key: await askForKey(wrong) });
    wrong = answer.status === 429 ? `Too many tries: wait for ${answer.after} s.` : answer.body.detail;
  }
  return answer.body;
}

/** Show the form, saying what was wrong with the last key. */
async function askForKey(wrong) {
  banner("trouble", anyWaits() ? "Your last answer is kept, and sent when you have signed in again." : "");
  put("wrong", wrong);
  $("key").setAttribute("aria-invalid", String(Boolean(wrong)));
  $("key").value = "";
  show("sign-in");
  $("key").focus();
  await new Promise((resolve) => { $("sign-in").onsubmit = (event) => { event.preventDefault(); resolve(); }; });
  return $("key").value.trim();
}

export async function signOut() {
  const { status, body } = await fetched("DELETE", "/api/session");
  if (status !== 204 && status !== 401) {
    banner("trouble", `You are still signed in: ${body.detail}`);
    return;
  }
  forgetDraft();
  location.reload();
}
