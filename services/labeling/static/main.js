// The page: one question after the other, each answer sent until there is a receipt.

import { send, watchConnection } from "./api.js";
import { listenToKeys, whyStop } from "./dialogs.js";
import { $, banner, element, pressed, put, show } from "./dom.js";
import { count, meet, name, paused, refresh, refreshNowAndThen, stop, stopped, undoable } from "./me.js";
import { deliver, forget, keep } from "./pending.js";
import { choose } from "./question.js";
import { signedIn, signOut } from "./session.js";

const SOONEST = 2; // seconds between two looks: a person does not notice, a server of many people does
const AGAIN = "Trying again.";
const EMPTY = {
  all_leased: ["All questions are taken", "Other people have what is left. One may come back."],
  none_left: ["No questions right now", "New ones come as soon as the policy has written them."],
  paused: ["The line is stopped", "Nothing new is asked until an operator lets it go on. Your labels are saved."],
  you_are_paused: ["You are paused", "Your labels are saved. Talk to an operator before you go on."],
};

/** Wait while nobody looks: a lease keeps a question from others. */
async function seen() {
  const change = () => new Promise((look) => document.addEventListener("visibilitychange", look, { once: true }));
  while (document.hidden) await change();
}

/** Ask for a question. Gives an offer: {lease} or why there is none. */
async function take() {
  await seen();
  const { status, body } = await send("/api/leases", {}, AGAIN);
  if (status === 200) {
    if (body.lease && stopped()) refresh(); // somebody let the line go on
    return body;
  }
  banner("trouble", body.detail);
  return { lease: null, reason: "none_left", retry_after: 10 };
}

/** Say why there is nothing to answer, until it is time to look again. Gives true where the last answer is undone. */
async function wait({ reason, retry_after }) {
  if (reason.endsWith("paused")) await refresh();
  const [title, more] = EMPTY[reason];
  show("empty");
  put("empty-title", title);
  put("empty-more", reason === "you_are_paused" && paused() ? `${paused()} ${more}` : more);
  const over = new AbortController();
  const until = Date.now() + 1000 * Math.max(SOONEST, retry_after);
  const undo = pressed($("undo"), { signal: over.signal, value: true });
  const time = new Promise((resolve) => {
    const tick = () => {
      const left = Math.ceil((until - Date.now()) / 1000);
      put("empty-when", `Looking again in ${left} s.`);
      if (left <= 0) resolve(false);
    };
    const timer = setInterval(tick, 250);
    over.signal.addEventListener("abort", () => clearInterval(timer));
    tick();
  });
  const undone = await Promise.race([undo, time]);
  over.abort();
  return undone;
}

/** Take the last answer or skip back. Gives an offer of its question, or the one there was. */
async function undo(offer) {
  const { status, body } = await send(`/api/leases/${undoable()}/undo`, {}, AGAIN);
  put("note", status === 200 ? "Undone: answer again." : body.detail);
  await refresh();
  return status === 200 ? { lease: body } : offer;
}

/** Send what waits. Gives the offer that came with the server's word, or null. */
async function settle() {
  const settled = await deliver(name());
  if (!settled) return null;
  const { pending, status, body } = settled;
  if (status !== 200) {
    await regret(pending, body.detail);
    forget(name());
    return null;
  }
  forget(name());
  const isSkip = !("receipt" in body);
  put("note", isSkip ? "Skipped" : `Saved · #${body.receipt.label_id}`);
  count(pending.lease, isSkip ? null : pending.body.seconds);
  return body.next;
}

const said = (term, text) =>
  element("div", {}, element("dt", { textContent: term }), element("dd", { textContent: text, dir: "auto" }));

/** The server did not take it: what was said stays on the page until its person goes on. */
async function regret({ query, choice, body }, reason) {
  put("note", "");
  put("lost-title", choice === "Skip" ? "Your skip was not taken" : "Your answer was not taken");
  put("lost-reason", reason);
  const texts = { Query: query, "You chose": choice, "You wrote": body.critique ?? body.note };
  const filled = Object.entries(texts).filter(([, text]) => text);
  $("lost-text").replaceChildren(...filled.map(([term, text]) => said(term, text)));
  show("lost");
  $("go-on").focus();
  await pressed($("go-on"));
  refresh();
}

async function label() {
  let offer = await settle(); // left over from before a reload
  for (;;) {
    offer ??= await take();
    if (!offer.lease) {
      offer = (await wait(offer)) ? await undo(offer) : null;
      continue;
    }
    const { lease } = offer;
    const { action, body, choice } = await choose(lease);
    put("note", "");
    $("question").setAttribute("aria-busy", "true");
    if (action === "undo") offer = await undo(offer);
    else {
      const path = `/api/leases/${lease.id}/${action}`;
      keep(name(), { path, body: { ...body, next: true }, lease: lease.id, query: lease.query, choice });
      offer = await settle();
    }
    $("question").removeAttribute("aria-busy");
    document.querySelectorAll(".chosen").forEach((button) => button.classList.remove("chosen"));
  }
}

async function main() {
  listenToKeys();
  watchConnection();
  addEventListener("hashchange", () => location.reload()); // another link, opened in this tab
  $("sign-out").addEventListener("click", signOut);
  $("stop").addEventListener("click", () => whyStop(stop));
  meet(await signedIn());
  banner("trouble", "");
  show("none");
  refreshNowAndThen();
  await label();
}

main();
