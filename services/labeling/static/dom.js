// The page's elements. All text of models and people goes in as text, never as HTML.

export const $ = (id) => document.getElementById(id);

/** Set a text where it is another: what changes in a live region is read aloud. */
export function put(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

/** Put a text in a part that is there only while it has one. */
export function banner(id, text) {
  $(id).hidden = !text;
  put(id, text);
}

export function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export const keycap = (text) => element("kbd", { textContent: text });

/** Show this part of the page: "sign-in", "question", "lost", "empty" or none of them. */
export function show(part) {
  for (const id of ["sign-in", "question", "lost", "empty"]) $(id).hidden = id !== part;
  for (const id of ["progress", "tools"]) $(id).hidden = part === "sign-in";
  $("last").hidden = part === "sign-in" || part === "lost";
  document.body.dataset.part = part;
}

/** Resolve with `value` once the button is pressed. */
export function pressed(button, { signal, value } = {}) {
  return new Promise((resolve) => button.addEventListener("click", () => resolve(value), { once: true, signal }));
}
