// What all modules of the page write with: numbers and times as people read them, elements whose text is never HTML.

export const $ = (id) => document.getElementById(id);
export const number = (value) => value.toLocaleString("en");
export const fixed = (value, digits) => (value == null ? "–" : value.toFixed(digits).replace("-", "−"));
export const percent = (value) => (value == null ? "–" : `${(100 * value).toFixed(1)} %`);
export const whole = (share) => Math.round(100 * share);

/** The time of day; of what is older than a day, the date. */
export function clock(text) {
  const at = new Date(text);
  return Date.now() - at > 86400e3 ? at.toLocaleDateString([], { day: "numeric", month: "short" })
    : at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

export const moment = (text) => new Date(text).toLocaleString([], { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });

export function duration(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1).replace(".0", "")} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

export function put(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

/** `data`: for data-* attributes; `attributes`: any others. */
export function element(tag, { text, className, title, data = {}, attributes = {} } = {}, ...children) {
  const made = document.createElement(tag);
  if (text != null) made.textContent = text;
  if (className) made.className = className;
  if (title) made.title = title;
  Object.assign(made.dataset, data);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter((child) => child != null && child !== false));
  return made;
}

export function button(text, onclick, className = "") {
  const made = element("button", { text, className, attributes: { type: "button" } });
  made.onclick = onclick;
  return made;
}

/** A version's name, that leads to its lineage: π3, r2; ρ for the reference policy. */
export const policyName = (version) => (version === 0 ? "ρ" : `π${version}`);
export const policyLink = (version) => element("a", { text: policyName(version), attributes: { href: `#policy/${version}` } });
export const rewardLink = (version) => element("a", { text: `r${version}`, attributes: { href: `#reward/${version}` } });

const shown = new Map();
/** Renew what `id` lists when that has changed: an opened error stays open, and so does the focus. */
export function list(id, data, make, empty, none = "none") {
  const text = JSON.stringify(data);
  if (shown.get(id) === text) return;
  shown.set(id, text);
  const nothing = empty === "td" ? element("tr", {}, element("td", { text: none, className: "none" })) : element(empty, { text: none, className: "none" });
  $(id).replaceChildren(...(data.length ? data.map(make) : [nothing]));
}

export function drawn(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
