// Dialogs and keys. A key presses the visible button that names it in aria-keyshortcuts.

import { $, put } from "./dom.js";

const OFF = "single keys off"; // for those whose software types letters of its own

const waiting = new WeakMap(); // who is to be told how a dialog was closed, by dialog

/** Open a dialog. Gives the value of the button that closed it, "" where it was left. */
export function open(dialog) {
  closed(dialog); // the browser's event comes a little after the closing, and must not end this opening
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => waiting.set(dialog, resolve));
}

function closed(dialog) {
  if (!dialog.open) waiting.get(dialog)?.(dialog.returnValue);
}

/** Ask for a reason to skip. Gives {reason, note}, or null where the person came back. */
export async function whySkip() {
  $("skip-note").value = "";
  const value = await open($("skipping"));
  const note = $("skip-note").value.trim() || null;
  return value && { reason: value === "without" ? null : value, note };
}

/** Ask for a flag. Gives one, null for none, or what it was where the person came back. */
export async function whichFlag(before) {
  const value = await open($("flagging"));
  return value === "nothing" ? null : value || before;
}

/** Ask for a reason to stop the line until `stop(reason)`, which gives what is wrong or "", has worked. */
export async function whyStop(stop) {
  let wrong = "";
  do {
    put("stop-wrong", wrong);
    if ((await open($("stopping"))) !== "stop") return;
    const reason = $("stop-reason").value.trim();
    wrong = reason ? await stop(reason) : "Say why: operators decide by it.";
  } while (wrong);
  $("stop-reason").value = "";
}

function listenInside(dialog) {
  dialog.addEventListener("close", () => closed(dialog));
  dialog.addEventListener("click", ({ target, detail }) => {
    const button = target.closest("button[value]");
    if (button && detail < 2) dialog.close(button.value); // a double click's second half was for what opened it
  });
  dialog.addEventListener("keydown", (event) => {
    const value = event.target.dataset.enter;
    if (!value || event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    dialog.close(value);
  });
}

function press(event) {
  const { key, target, repeat, ctrlKey, metaKey, altKey } = event;
  if (repeat || ctrlKey || metaKey || altKey || key === "Enter" || target.matches("textarea, input")) return;
  if (localStorage.getItem(OFF)) return;
  const inside = document.querySelector("dialog[open]") ?? document.body;
  const named = inside.querySelectorAll(`[aria-keyshortcuts="${CSS.escape(key.toLowerCase())}"]`);
  const button = [...named].find((one) => one.checkVisibility() && !one.disabled);
  if (!button) return;
  event.preventDefault(); // the letter would land in the field that the button opens
  button.click();
}

export function listenToKeys() {
  document.querySelectorAll("dialog").forEach(listenInside);
  document.addEventListener("keydown", press);
  $("read").addEventListener("click", () => open($("guidelines")));
  $("help").addEventListener("click", () => open($("helping")));
  const single = $("single-keys");
  single.checked = !localStorage.getItem(OFF);
  single.addEventListener("change", () => {
    if (single.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "yes");
  });
}
