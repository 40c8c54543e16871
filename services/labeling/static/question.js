// One question: it is shown, and its person chooses, skips, flags, criticises, or goes back to the last one.

import { whichFlag, whySkip } from "./dialogs.js";
import { $, element, keycap, put, show } from "./dom.js";
import { watch } from "./lease.js";
import { draftOf, keepDraft } from "./pending.js";

const LONG = 600; // characters of a query that stands beside its responses, as it would push them off the screen
const FLAGS = { off_topic: "off topic", offensive: "offensive", broken: "broken", all_alike: "all alike" };

/** A response: to be chosen by its button, or to be read and rated. */
function card(text, position, isChoice) {
  const words = element("span", { textContent: text, dir: "auto" });
  if (!isChoice) return element("li", {}, element("article", {}, words));
  return element("li", {}, numbered(position + 1, words));
}

/** A number of the scale; those at its ends have words. */
function level(number, { levels, low, high }) {
  const words = { 1: low, [levels]: high }[number] ?? "";
  return numbered(number, element("small", { textContent: words }));
}

function numbered(number, words) {
  return element("button", { ariaKeyShortcuts: String(number) }, keycap(number), words);
}

/** Show a query. Gives the buttons that answer it, in the order of their keys. */
function present({ query, question, scale }, responses) {
  put("query", query);
  put("which", question);
  $("responses").replaceChildren(...responses.map((text, position) => card(text, position, !scale)));
  $("scale").replaceChildren(...(scale ? Array.from({ length: scale.levels }, (_, i) => level(i + 1, scale)) : []));
  $("scale").hidden = !scale;
  $("none").hidden = Boolean(scale); // the scale's low end says it
  const long = query.length > LONG;
  $("question").classList.toggle("long", long);
  $("query").tabIndex = long ? 0 : -1; // it scrolls by itself
  show("question");
  scrollTo(0, 0);
  $("query").scrollTo(0, 0);
  $("query").focus({ preventScroll: true }); // a screen reader reads it, Tab goes on to the responses
  return [...document.querySelectorAll(scale ? "#scale button" : "#responses button")];
}

/** Flag and critique beside the answer: what was said of this question before a reload or an undo is there again. */
function remarks(lease, signal) {
  const draft = draftOf(lease.id);
  const words = $("words");
  const flag = (value) => {
    draft.flag = value;
    $("flagged").hidden = !value;
    put("flagged", value ? `Flagged: ${FLAGS[value]}` : "");
    if (value) keepDraft(draft);
  };
  const back = (event) => {
    if (event.isComposing || event.shiftKey || !["Enter", "Escape"].includes(event.key)) return;
    event.preventDefault();
    $("critique").hidden = !draft.critique;
    $("query").focus();
  };
  words.value = draft.critique;
  $("critique").hidden = !draft.critique;
  flag(draft.flag);
  words.addEventListener("input", () => { draft.critique = words.value.trim(); keepDraft(draft); }, { signal });
  words.addEventListener("keydown", back, { signal });
  $("critic").addEventListener("click", () => { $("critique").hidden = false; words.focus(); }, { signal });
  $("flag").addEventListener("click", async () => flag(await whichFlag(draft.flag)), { signal });
  return draft;
}

/** Show a question until its person has chosen. Gives {action, body, choice}: what is to be sent, and that in words. */
export async function choose(lease) {
  const responses = lease.responses.map((text) => text.replace(/^ /, "")); // of a first token, it would only indent
  const buttons = present(lease, responses);
  const listening = new AbortController();
  const { signal } = listening;
  const draft = remarks(lease, signal);
  watch(lease, signal);
  lease.shown ??= performance.now();
  const chosen = await new Promise((resolve) => {
    const finish = (button, action, body, choice) => {
      button.classList.add("chosen");
      button.focus();
      resolve({ action, body, choice });
    };
    const answer = (button, said, choice) => {
      const seconds = (performance.now() - lease.shown) / 1000;
      finish(button, "answer", { ...said, flag: draft.flag, critique: draft.critique || null, seconds }, choice);
    };
    // A double click's second half, whose detail is 2, was for the last question.
    const single = (act) => ({ detail, currentTarget }) => detail > 1 || act(currentTarget);
    const listen = (button, act) => button.addEventListener("click", single(act), { signal });
    buttons.forEach((button, index) => {
      const said = lease.scale ? { rating: index + 1 } : { position: index };
      const choice = lease.scale ? `${index + 1} of ${lease.scale.levels}: ${responses[0]}` : responses[index];
      listen(button, () => answer(button, said, choice));
    });
    listen($("none"), (button) => answer(button, { none_acceptable: true }, "None is acceptable"));
    listen($("undo"), () => resolve({ action: "undo" }));
    listen($("skip"), async (button) => {
      const why = await whySkip();
      if (why && !signal.aborted) finish(button, "skip", why, "Skip");
    });
  });
  listening.abort();
  return chosen;
}
