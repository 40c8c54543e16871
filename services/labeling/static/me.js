// Who is signed in, what they have done, and who stopped the line: kept up here, and read from the server now and then.

import { ask } from "./api.js";
import { $, banner, put } from "./dom.js";

const WHEN = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
const EVERY = 20000; // milliseconds between two looks
let me = null;
let looked = 0;

export const name = () => me.progress.name;
export const paused = () => me.paused;
export const stopped = () => Boolean(me.stopped);
export const undoable = () => me.progress.undoable;

/** Take what the server says of the person. */
export function meet(given) {
  if (me && me.progress.name !== given.progress.name) location.reload(); // another one signed in, in another tab
  me = given;
  looked = Date.now();
  render();
}

/** Look at the server's figures. A nicety: where it fails, the old ones stay. */
export async function refresh() {
  const { status, body } = await ask("GET", "/api/me");
  if (status === 200) meet(body);
}

export function refreshNowAndThen() {
  const look = () => { if (!document.hidden && me && Date.now() - looked > EVERY) refresh(); };
  setInterval(look, EVERY / 4);
  document.addEventListener("visibilitychange", look);
}

/** Count an answer that was saved; null: a skip. */
export function count(lease, seconds) {
  const { progress } = me;
  progress.undoable = lease;
  if (seconds === null) progress.skipped += 1;
  else {
    progress.labels += 1;
    progress.today += 1;
    progress.seconds ??= seconds; // until the server has a median
  }
  render();
}

/** Halt training. Gives what is wrong, or "". */
export async function stop(reason) {
  const { status, body } = await ask("POST", "/api/stop", { reason });
  if (status !== 200) return `The line is not stopped: ${body.detail}`;
  meet({ ...me, stopped: body });
  return "";
}

const number = (value) => value.toLocaleString("en");

function render() {
  const { labels, today, skipped, seconds } = me.progress;
  put("labels", `${number(labels)} ${labels === 1 ? "label" : "labels"}`);
  put("today", `${number(today)} today`);
  put("pace", seconds === null ? "" : `${seconds.toFixed(seconds < 10 ? 1 : 0)} s each`);
  put("skipped", skipped ? `${number(skipped)} skipped` : "");
  $("undo").disabled = !me.progress.undoable;
  banner("stopped", me.stopped ? stoppedBy(me.stopped) : "");
}

function stoppedBy({ by, reason, created_at }) {
  const when = new Date(created_at).toLocaleString("en-GB", WHEN);
  return `The line is stopped since ${when}, by ${by}: ${reason}`;
}
