// The answer or skip that is on its way, and the words that are being written: of this tab, past any reload.

import { send } from "./api.js";

const memory = sessionStorage;
const WAITS = "pending of "; // and whose it is: nobody sends what another person said
const KEPT = "Your answer is kept on this page and sent until it arrives.";

const read = (key) => JSON.parse(memory.getItem(key));

/** Keep what is to be sent: {path, body} and, for people, {query, choice}. */
export const keep = (name, pending) => memory.setItem(WAITS + name, JSON.stringify(pending));

export const anyWaits = () => Object.keys(memory).some((key) => key.startsWith(WAITS));

/** Send what waits, if anything does, until the server has said what became of it. */
export async function deliver(name) {
  const pending = read(WAITS + name);
  return pending && { pending, ...(await send(pending.path, pending.body, KEPT)) };
}

export const forget = (name) => memory.removeItem(WAITS + name);

/** The flag and the critique of a question. One is remembered, the last in which there was any: undo brings it back. */
export function draftOf(lease) {
  const last = read("draft");
  return last?.lease === lease ? last : { lease, flag: null, critique: "" };
}

export const keepDraft = (draft) => memory.setItem("draft", JSON.stringify(draft));
export const forgetDraft = () => memory.removeItem("draft");
