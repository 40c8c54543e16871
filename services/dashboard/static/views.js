// One page, several views: #loop, #steering, #samples, #people, and a version's lineage as #policy/3 or #reward/2.
import { $ } from "./dom.js";

const VERSION = "version";
const views = [...document.querySelectorAll("[data-view]")];

/** What the address asks for: the view's name, and of a version its kind and number. */
export function place() {
  const [name, rest] = location.hash.slice(1).split("/");
  if ((name === "policy" || name === "reward") && /^\d+$/.test(rest)) return { view: VERSION, kind: name, version: Number(rest) };
  return { view: views.some(({ dataset }) => dataset.view === name && name !== VERSION) ? name : "loop" };
}

function show() {
  const { view } = place();
  document.body.dataset.shown = view;
  for (const one of views) one.hidden = one.dataset.view !== view;
  for (const link of document.querySelectorAll("#tabs a")) {
    if (link.hash === `#${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

window.addEventListener("hashchange", () => {
  show();
  scrollTo(0, 0);
  if (place().view === VERSION) $("version-title").focus();
});
show();
