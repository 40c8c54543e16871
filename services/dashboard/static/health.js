// Whether the loop is well, and if not: what is wrong, what to do, and the button that does it. Asks /api/health.
import { offer } from "./actions.js";
import { poll } from "./ask.js";
import { chart } from "./charts.js";
import { $, clock, duration, element, list, moment } from "./dom.js";
import { onState } from "./now.js";
import { swaps } from "./swaps.js";

const GRAVITY = { stop: "Stopped", alarm: "Alarm", notice: "Notice" }; // the worst first
const SILENT = 30; // seconds
const CLOCKS = {
  label_to_reward: { name: "Label to r", made: "r", hue: "blue" },
  reward_to_policy: { name: "r to π", made: "π", hue: "green" },
  policy_to_sample: { name: "π to sample", made: "π", hue: "violet" },
};

function alarmRow({ severity, what, todo, since, action, service }) {
  return element(
    "li",
    { data: { severity } },
    element("b", { className: "gravity", text: GRAVITY[severity] }),
    element("div", { className: "words" }, element("strong", { text: what }), " ", element("span", { text: todo })),
    since && element("small", { text: `since ${clock(since)}`, title: moment(since) }),
    action && offer(action, service, "strong"),
    severity === "stop" && action !== "resume" && offer("resume", service), // once what is wrong is mended
  );
}

function wellRow() {
  return element("li", { data: { severity: "well" } }, element("b", { className: "gravity", text: "✓" }), element("div", { className: "words" }, element("strong", { text: "All is well" })));
}

function showAlarms({ alarms }) {
  const order = Object.keys(GRAVITY);
  const sorted = [...alarms].sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
  $("banner").dataset.worst = sorted[0]?.severity ?? "well";
  list("alarms", sorted.length ? sorted : ["well"], sorted.length ? alarmRow : wellRow, "li");
}

/** One line a service: how many processes, and the one that was silent for longest. */
function serviceWords(processes) {
  return [...grouped(processes)].map(([name, group]) => {
    const silent = group.filter(({ silent_seconds: seconds }) => seconds > SILENT);
    const longest = Math.max(...group.map(({ silent_seconds: seconds }) => seconds));
    return {
      name: group.length > 1 ? `${name} × ${group.length}` : name,
      state: silent.length ? "silent" : "seen",
      note: silent.length ? `silent for ${duration(longest)}` : "at work",
      title: group.map(({ instance }) => instance).join("\n"),
    };
  });
}

function grouped(processes) {
  const found = new Map();
  for (const one of processes) found.set(one.service, [...(found.get(one.service) ?? []), one]);
  return found;
}

function serviceRow({ name, state, note, title }) {
  return element("li", { title, data: { state } }, element("span", { text: name }), element("small", { text: note, className: state === "seen" ? "unseen" : "" }));
}

function clockRow({ name, hue, now, bound, last }) {
  const over = now != null && now > bound;
  const words = now == null ? "nothing waits" : `${duration(now)}${over ? " !" : ""}`;
  const beside = [now == null ? null : `of ${duration(bound)}`, last == null ? null : `last ${duration(last)}`].filter(Boolean).join(", ");
  const value = element("dd", { className: over ? "red" : "" }, element("b", { text: words }), " ", element("small", { text: beside }));
  const bar = element("progress", { attributes: { max: bound, value: Math.min(now ?? 0, bound), "aria-label": `${name}: of its bound` }, data: { over } });
  return element("div", { data: { hue } }, element("dt", { text: name }), value, element("dd", {}, bar));
}

let points = [], newest = null;
const drawStaleness = chart($("staleness-chart"), {
  times: true,
  log: true,
  series: Object.values(CLOCKS).map(({ hue }) => ({ hue, points: true })),
  format: duration,
  describe: (i) => {
    const { clock, version, seconds } = points[i];
    return `${CLOCKS[clock].name}, ${CLOCKS[clock].made}${version}: ${duration(seconds)}`;
  },
});

function showStaleness({ freshness }) {
  points = Object.entries(freshness)
    .flatMap(([clock, { history }]) => history.map(({ version, at, seconds }) => ({ clock, version, at: Date.parse(at) / 1000, seconds })))
    .sort((a, b) => a.at - b.at);
  const of = (clock) => points.map((point) => (point.clock === clock ? Math.max(point.seconds, 0.1) : null)); // of a logarithm
  drawStaleness([points.map(({ at }) => at), ...Object.keys(CLOCKS).map(of)], { marks: swaps() });
}

function show(health) {
  newest = health;
  showAlarms(health);
  list("services", serviceWords(health.services), serviceRow, "li", "none seen");
  list("clocks", Object.entries(health.freshness).map(([clock, { now, bound, last }]) => ({ ...CLOCKS[clock], now, bound, last })), clockRow, "dd");
  showStaleness(health);
}

onState(() => newest && showStaleness(newest)); // its marks
poll(() => "/api/health", "health", show, { every: 4000 });
