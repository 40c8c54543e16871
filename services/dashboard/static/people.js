// The panel of people: how far their labels can be trusted. Asks /api/people, which is made anew every ten seconds.
import { poll } from "./ask.js";
import { chart } from "./charts.js";
import { $, element, fixed, list, number, percent } from "./dom.js";
import { noteAgreement } from "./human.js";

const UNDEFINED = "undefined";
let policies = [];

const drawComplaints = chart($("complaints-chart"), {
  versions: true,
  series: [{ hue: "amber", points: true }, { hue: "red", points: true }],
  format: (value) => `${Math.round(100 * value)} %`,
  xRange: (_u, low, high) => [low - 0.5, high + 0.5],
  range: (_u, _low, high) => [0, Math.min(1, Math.max(0.1, 1.2 * high))],
  describe: (i) => {
    const { version, skipped, figures } = policies[i];
    return `π${version}: none acceptable ${percent(figures.none_acceptable.rate)}, flagged ${percent(figures.flagged.rate)} of ${number(figures.labels)}, ${number(skipped)} skipped`;
  },
});

/** The words for a share, and its interval. */
function shareWords(share) {
  if (share == null) return { text: UNDEFINED };
  const [low, high] = share.interval.map((end) => Math.round(100 * end));
  return { text: percent(share.rate), note: `${low} to ${high} % of ${number(share.of)}` };
}

const probability = (value) => (value < 0.001 ? "< 0.001" : value.toFixed(3));

function overallWords({ overall, agreements }) {
  const { seconds, position, gold } = overall;
  const timed = seconds == null ? { text: UNDEFINED } : { text: `${fixed(seconds.median, 1)} s`, note: `half ${fixed(seconds.low, 1)} to ${fixed(seconds.high, 1)}` };
  const placed = position == null ? { text: UNDEFINED } : { text: `p ${probability(position.p)}`, note: Object.values(position.chosen).map((counts) => counts.map(number).join(" · ")).join("; ") };
  const asked = agreements.flatMap(({ purpose, responses, alpha, pairs }) => [
    { name: `Alpha, ${purpose} of ${responses}`, text: alpha == null ? UNDEFINED : fixed(alpha, 2) },
    { name: `Pairs agree, ${purpose} of ${responses}`, ...shareWords(pairs) },
  ]);
  return [
    ...asked,
    { name: "Gold right", ...shareWords(gold) },
    { name: "Position chosen", ...placed },
    { name: "Time an answer", ...timed },
    { name: "None acceptable", ...shareWords(overall.none_acceptable) },
    { name: "Flagged", ...shareWords(overall.flagged) },
  ];
}

function overallFigure({ name, text, note }) {
  const value = element("dd", { text, className: text === UNDEFINED ? "none" : "" });
  if (note) value.append(" ", element("small", { text: note }));
  return element("div", {}, element("dt", { text: name }), value);
}

function personRow({ name, figures, skipped, retracted, paused_reason: paused }) {
  const shareCell = (share) => {
    const { text, note } = shareWords(share);
    return { text, title: note };
  };
  const { seconds, position } = figures;
  const cells = [
    { text: number(figures.labels) },
    { text: number(skipped) },
    { text: number(retracted) },
    shareCell(figures.flagged),
    shareCell(figures.none_acceptable),
    { text: seconds == null ? UNDEFINED : fixed(seconds.median, 1), title: seconds && `half ${fixed(seconds.low, 1)} to ${fixed(seconds.high, 1)} s` },
    shareCell(figures.agreement),
    { text: position == null ? UNDEFINED : probability(position.p), title: position && `chi-square ${fixed(position.chi_square, 1)}, ${position.degrees} degrees of freedom` },
    shareCell(figures.gold),
  ];
  return element(
    "tr",
    {},
    element("td", { text: name }),
    ...cells.map(({ text, title }) => element("td", { text, title, className: text === UNDEFINED ? "n none" : "n" })),
    element("td", { text: paused ?? "", className: "paused" }),
  );
}

function show(report) {
  list("people-overall", overallWords(report), overallFigure, "dd");
  list("people-rows", report.people, personRow, "td");
  policies = report.policies.filter(({ figures }) => figures.labels > 0);
  const shares = (name) => policies.map(({ figures }) => figures[name].rate);
  noteAgreement(policies);
  drawComplaints([policies.map(({ version }) => version), shares("none_acceptable"), shares("flagged")]);
}

poll(() => "/api/people", "people", show, { everywhere: true }); // the loop's curves show agreement
