// Who worked when and who waited for whom, and how labels came. Asks /api/timeline.
import { poll } from "./ask.js";
import { chart } from "./charts.js";
import { $, clock, drawn, element, fixed, list, number, whole } from "./dom.js";
import { onState } from "./now.js";
import { swaps } from "./swaps.js";

const NAMES = { sampler: "Sampler", people: "People", reward_trainer: "Reward trainer", ppo: "PPO" };
const WIDTH = 1000, HEIGHT = 16;
let rate = null;

const drawRate = chart($("rate-chart"), {
  times: true,
  series: [{ hue: "blue" }, { hue: "amber", scale: "right", dash: [4, 3] }],
  range: (_u, _low, high) => [0, Math.max(1, high * 1.12)],
  right: "amber",
  describe: (i) => `${clock(1000 * rate.at[i])}: ${fixed(rate.per_minute[i], 1)} a minute, ${number(rate.backlog[i])} wait`,
});

function bar(spans, halts, since, until) {
  const x = (at) => (Math.min(until, Math.max(since, at)) - since) / (until - since) * WIDTH;
  const picture = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const block = ([start, end], kind) => drawn("rect", { x: x(start), width: Math.max(1, x(end) - x(start)), y: 0, height: HEIGHT, class: kind });
  picture.append(...spans.map((span) => block(span, "work")), ...halts.map((span) => block(span, "halt")));
  return picture;
}

function words({ worked, halted, waited, idle }) {
  const waits = Object.entries(waited).sort(([, a], [, b]) => b - a).map(([other, share]) => ({ share, text: `waited ${whole(share)} % for ${NAMES[other].toLowerCase().replace("ppo", "PPO")}` }));
  const all = [{ share: worked, text: `worked ${whole(worked)} %` }, ...waits, { share: halted, text: `halted ${whole(halted)} %` }, { share: idle, text: `nobody worked ${whole(idle)} %` }];
  return all.filter(({ share }, i) => i === 0 || share >= 0.005).map(({ text }) => text).join(" · ");
}

function laneRow({ lane, spans, halts, since, until, said }) {
  return element("li", {}, element("span", { text: NAMES[lane] }), bar(spans, halts, since, until), element("small", { text: said }));
}

function show({ since, until, lanes, halts, labels }) {
  rate = labels;
  const stops = (lane) => halts.filter(({ service }) => service === (lane === "people" ? "labeling" : lane) || (service == null && lane !== "people"));
  list("lanes", lanes.map((one) => ({ lane: one.lane, spans: one.spans, halts: stops(one.lane).map(({ span }) => span), since, until, said: words(one) })), laneRow, "li");
  showRate();
}

function showRate() {
  if (rate) drawRate([rate.at, rate.per_minute, rate.backlog], { marks: swaps().filter(({ x }) => x >= rate.at[0]) });
}

onState(showRate); // its marks
const again = poll(() => `/api/timeline?hours=${$("timeline-hours").value}`, "timeline", show);
$("timeline-hours").onchange = again;
