// The page: takes a query, shows it, and sends the choice until there is a receipt.
// All text of models and people goes in as text, never as HTML.

const LONGEST_PAUSE = 5000; // milliseconds between two tries
const LOOK_AGAIN = 2000; // at the earliest: a person does not notice, a server of many people does
const ENDED = {
  404: "That question is not yours any more. Here is the next one.",
  409: "That question was answered or skipped already, perhaps in another window. Here is the next one.",
  410: "That question was open for too long and went back. Here is the next one.",
};
const $ = (id) => document.getElementById(id);
const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const memory = sessionStorage; // of this tab: a reload loses neither the key nor an answer on its way

class WrongKey extends Error {}

function put(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text; // what changes in a live region is read aloud
}

function trouble(text) {
  $("trouble").hidden = !text;
  put("trouble", text);
}

/** Show this part of the page, or none. */
function show(part) {
  for (const id of ["sign-in", "question"]) $(id).hidden = id !== part;
  $("sign-out").hidden = part === "sign-in";
  document.body.dataset.part = part;
}

/** Ask once. Gives {status, body}; raises where there is no answer of ours, and WrongKey. */
async function ask(method, path, body) {
  const key = memory.getItem("key");
  if (!/^[!-~]+$/.test(key)) throw new WrongKey(); // a header could not even hold it
  const response = await fetch(path, {
    method,
    headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
    keepalive: true, // an answer goes out although its tab is closed
    signal: AbortSignal.timeout(15000),
  });
  if (response.status === 401) throw new WrongKey();
  return { status: response.status, body: response.status === 204 ? null : await response.json() };
}

/** Send until the server answers with one of the codes `ends`. */
async function send(path, body, ends) {
  for (let pause = 500; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    try {
      const answer = await ask("POST", path, body);
      if (ends.includes(answer.status)) {
        trouble("");
        return answer;
      }
    } catch (error) {
      if (error instanceof WrongKey) throw error;
    }
    const kept = memory.getItem("pending") ? "Your answer is kept and is sent again until it arrives." : "Trying again.";
    trouble(`The server does not answer. ${kept}`);
    await wait(pause);
  }
}

/** Send the answer or skip that waits, if any. It is forgotten only when the server has said what became of it. */
async function deliver() {
  const pending = JSON.parse(memory.getItem("pending"));
  if (!pending) return;
  const { status } = await send(pending.path, pending.body, [200, 204, 404, 409, 410]);
  memory.removeItem("pending");
  put("note", ENDED[status] ?? (status === 204 ? "Skipped." : "Saved."));
}

/** A nicety: where it fails, the old figures stay. */
async function showProgress() {
  const { status, body: me } = await ask("GET", "/api/me").catch(() => ({}));
  if (status !== 200) return;
  const pace = me.seconds == null ? "" : `${me.seconds.toFixed(me.seconds < 10 ? 1 : 0)} s each`;
  put("labels", `${me.labels.toLocaleString("en")} ${me.labels === 1 ? "label" : "labels"}`);
  put("pace", [pace, me.skipped ? `${me.skipped} skipped` : ""].filter(Boolean).join(" · "));
}

/** Wait until there is a query: not while nobody looks, as a lease keeps it from others. */
async function take() {
  for (let waited = false; ; waited = true) {
    if (document.hidden) await new Promise((seen) => document.addEventListener("visibilitychange", seen, { once: true }));
    const { body } = await send("/api/leases", {}, [200]);
    if (body.lease) {
      if (waited) put("note", "");
      return body.lease;
    }
    show("none");
    put("note", "No queries right now, looking again.");
    await wait(Math.max(LOOK_AGAIN, 1000 * body.retry_after));
  }
}

const element = (tag, properties, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};
const keycap = (number) => element("kbd", { textContent: number });

/** A response: to be chosen by its button, or to be read and rated. */
function card(text, position, isChoice) {
  const shown = text.replace(/^ /, ""); // it belongs to a continuation's first token, and would only indent
  const words = element("span", { textContent: shown });
  const number = keycap(position + 1);
  return element("li", {}, isChoice ? element("button", {}, number, words) : element("article", {}, words));
}

/** A number of the scale; those at its ends have words. */
function level(number, { levels, low, high }) {
  const words = { 1: low, [levels]: high }[number] ?? "";
  return element("button", {}, keycap(number), element("small", { textContent: words }));
}

/** Show a query. Gives the buttons that answer it, in the order of their keys. */
function present({ query, question, responses, scale }) {
  put("query", query);
  put("which", question);
  const keys = scale ? `1 to ${scale.levels} rate` : `1 ${responses.length > 2 ? "to" : "and"} ${responses.length} choose`;
  put("keys", `Keys ${keys}, s skips.`);
  $("responses").replaceChildren(...responses.map((text, position) => card(text, position, !scale)));
  $("scale").replaceChildren(...(scale ? Array.from({ length: scale.levels }, (_, i) => level(i + 1, scale)) : []));
  $("scale").hidden = !scale;
  show("question");
  scrollTo(0, 0);
  $("query").focus({ preventScroll: true }); // a screen reader reads it, Tab goes on to the responses
  return [...document.querySelectorAll(scale ? "#scale button" : "#responses button")];
}

/** Show a query until the person has chosen; what is to be sent then waits in memory. */
async function choose(lease) {
  const buttons = present(lease);
  const shown = performance.now();
  const listening = new AbortController();
  await new Promise((resolve) => {
    const listen = (target, kind, act) => target.addEventListener(kind, act, { signal: listening.signal });
    const finish = (button, action, body) => {
      memory.setItem("pending", JSON.stringify({ path: `/api/leases/${lease.id}/${action}`, body }));
      listening.abort();
      button.classList.add("chosen");
      button.focus();
      put("note", "");
      resolve();
    };
    const skip = () => finish($("skip"), "skip", { reason: null });
    const answer = (index) => {
      const said = lease.scale ? { rating: index + 1 } : { position: index };
      finish(buttons[index], "answer", { ...said, seconds: (performance.now() - shown) / 1000 });
    };
    const single = (act) => (event) => event.detail > 1 || act(); // a double click's second half was for the last query
    buttons.forEach((button, index) => listen(button, "click", single(() => answer(index))));
    listen($("skip"), "click", single(skip));
    listen(document, "keydown", ({ key, repeat, ctrlKey, metaKey, altKey }) => {
      if (repeat || ctrlKey || metaKey || altKey) return;
      if (key === "s" || key === "S") skip();
      else if (/^[1-9]$/.test(key) && key <= buttons.length) answer(key - 1);
    });
  });
}

async function label() {
  show("none");
  await deliver(); // left over from before a reload
  for (;;) {
    showProgress();
    await choose(await take());
    $("question").setAttribute("aria-busy", "true");
    await deliver().finally(() => {
      $("question").removeAttribute("aria-busy");
      $("skip").classList.remove("chosen");
    });
  }
}

/** Ask for a key, saying what was wrong with the last one. */
async function signIn(wrong) {
  for (const id of ["note", "labels", "pace"]) put(id, "");
  trouble("");
  put("wrong", wrong);
  $("key").setAttribute("aria-invalid", String(Boolean(wrong)));
  $("key").value = "";
  show("sign-in");
  $("key").focus();
  await new Promise((resolve) => { $("sign-in").onsubmit = (event) => { event.preventDefault(); resolve(); }; });
  memory.setItem("key", $("key").value.trim());
}

async function main() {
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  if (given) memory.setItem("key", given.trim());
  history.replaceState(null, "", location.pathname);
  addEventListener("hashchange", () => location.reload()); // another link, opened in this tab
  $("sign-out").addEventListener("click", () => { memory.removeItem("key"); location.reload(); });
  for (let wrong = ""; ; wrong = "This key is not known.") {
    if (memory.getItem("key") === null) await signIn(wrong);
    try {
      await label();
    } catch (error) {
      if (!(error instanceof WrongKey)) throw error;
      memory.removeItem("key");
    }
  }
}

main();
