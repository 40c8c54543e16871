// What all modules of the page write with: numbers as people read them, and elements whose text is never HTML.

export const $ = (id) => document.getElementById(id);
export const number = (value) => value.toLocaleString("en");
export const fixed = (value, digits) => (value == null ? "–" : value.toFixed(digits).replace("-", "−"));
export const percent = (value) => (value == null ? "–" : `${(100 * value).toFixed(1)} %`);

export function put(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

export function element(tag, { text, className, title } = {}, ...children) {
  const made = document.createElement(tag);
  if (text != null) made.textContent = text;
  if (className) made.className = className;
  if (title) made.title = title;
  made.append(...children);
  return made;
}

const shown = new Map();
/** Renew what `id` lists when that has changed: an opened error stays open. */
export function list(id, data, make, empty) {
  const text = JSON.stringify(data);
  if (shown.get(id) === text) return;
  shown.set(id, text);
  $(id).replaceChildren(...(data.length ? data.map(make) : [element(empty, { text: "none", className: "none" })]));
}
