// A question is lent for a while: it is kept while its person is active, and the last minute is counted.

import { ask } from "./api.js";
import { $, put } from "./dom.js";

const WARN = 60; // seconds
const ACTIVE = ["keydown", "pointerdown", "wheel", "touchmove"];

/** Watch over the lease until `signal`. */
export function watch(lease, signal) {
  let active = false; // since the last renewal
  let asking = false;
  let over = ""; // what the server said where it lends it no longer
  const lend = (seconds) => {
    lease.lent = seconds;
    lease.until = Date.now() + 1000 * seconds; // not performance.now(), which stands still while a laptop sleeps
  };
  const renew = async () => {
    if (asking || over) return;
    asking = true;
    const { status, body } = await ask("POST", `/api/leases/${lease.id}/renew`, {});
    asking = false;
    if (signal.aborted) return;
    if (status === 200) {
      lend(body.seconds_left);
      active = false;
    } else if (status === 404 || status === 409) over = body.detail;
    tick();
  };
  const tick = () => {
    const left = (lease.until - Date.now()) / 1000;
    if (active && left < lease.lent / 2) renew();
    render(left, over);
  };
  if (!lease.until) lend(lease.seconds_left);
  for (const kind of ACTIVE) document.addEventListener(kind, () => { active = true; }, { signal, passive: true });
  $("keep").addEventListener("click", renew, { signal });
  const timer = setInterval(tick, 1000);
  signal.addEventListener("abort", () => clearInterval(timer));
  tick();
}

function render(left, over) {
  const gone = over || left <= 0;
  $("lease").hidden = !gone && left > WARN;
  $("lease").classList.toggle("over", Boolean(gone));
  $("keep").hidden = Boolean(over);
  put("lease-left", gone ? "" : `${Math.ceil(left)} s`);
  put("lease-news", $("lease").hidden ? "" : news(gone, over));
}

function news(gone, over) {
  if (!gone) return "This question goes to somebody else soon, unless you keep it.";
  const still = "Your answer is still taken if its place is free.";
  return over ? `${over} ${still}` : `The time for this question is over. ${still}`;
}
