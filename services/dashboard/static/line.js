// The line: who stopped it and why, for everybody; stopping it and letting it go on, for operators.

const $ = (id) => document.getElementById(id);

/** Show the stop that stands, if any: `stopped` of /api/state. */
export function showLine(stopped) {
  $("stopped").hidden = stopped == null;
  if ($("stop")) $("stop").hidden = stopped != null;
  if (stopped == null) return;
  const at = new Date(stopped.created_at).toLocaleString([], { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });
  const text = `${stopped.by} stopped the line: ${stopped.reason}`;
  if ($("stopped-why").textContent !== text) $("stopped-why").textContent = text;
  $("stopped-at").textContent = at;
}

function trouble(text) {
  $("line-trouble").hidden = !text;
  $("line-trouble").textContent = text;
}

/** `done` is called after each change. */
export function lineButtons(done) {
  if (!$("stop")) return;
  async function post(path, body) {
    try {
      const answer = await fetch(path, {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(10000),
      });
      if (!answer.ok) throw new Error((await answer.json()).detail);
      trouble("");
      await done();
    } catch (error) {
      trouble(`Not done: ${error.name === "TypeError" ? "the dashboard does not answer" : error.message}`);
    }
  }
  $("stop").onclick = () => $("stop-dialog").showModal();
  $("stop-dialog").onclose = () => {
    if ($("stop-dialog").returnValue === "stop") post("/api/stop", { reason: $("stop-reason").value.trim() });
    $("stop-dialog").returnValue = "";
  };
  $("resume").onclick = () => post("/api/resume", {});
}
