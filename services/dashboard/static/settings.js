// The table of settings that may change while the loop runs, and the dialog that changes one.
import { poll, post } from "./ask.js";
import { ask, operator } from "./dialog.js";
import { $, button, element, list } from "./dom.js";

const words = (value) => (value == null ? "none" : String(value));

/** What somebody typed, as JSON; text that is none goes as it is, and the server says what it wants. */
function typed(text) {
  if (text.trim() === "none") return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function change({ key, value, started, description }) {
  const box = element("input", { attributes: { id: "setting-value", autocomplete: "off", spellcheck: "false", required: "" } });
  box.value = words(value);
  ask({
    title: `Change ${key}`,
    text: `${description ? `${description}. ` : ""}It was started with ${words(started)}; from the next job, tick or lease on it is:`,
    verb: "Change it",
    fields: [element("label", { text: "Value", attributes: { for: "setting-value" } }), box],
    send: (reason) => post("/api/settings", { key, value: typed($("setting-value").value), reset: false, reason }),
  });
}

function reset({ key, started }) {
  ask({
    title: `Reset ${key}`,
    text: `To ${words(started)}, as the loop was started with it.`,
    verb: "Reset it",
    send: (reason) => post("/api/settings", { key, value: null, reset: true, reason }),
  });
}

function named(text, key, act) {
  const made = button(text, act);
  made.setAttribute("aria-label", `${text} ${key}`);
  return made;
}

function settingRow(setting) {
  const { key, value, started, changed, description } = setting;
  const was = changed ? element("small", { text: ` was ${words(started)}` }) : null;
  const buttons = operator ? [changed ? named("Reset", key, () => reset(setting)) : null, " ", named("Change", key, () => change(setting))] : [];
  return element(
    "tr",
    {},
    element("td", {}, element("code", { text: key })),
    element("td", { className: changed ? "n amber" : "n" }, words(value), was),
    element("td", { text: description, className: "wide" }),
    element("td", { className: "n" }, ...buttons),
  );
}

poll(() => "/api/settings", "settings", ({ settings }) => list("settings", settings, settingRow, "td"));
