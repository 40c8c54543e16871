// The curve of what people think, by policy version: how often they prefer it to ρ, and how far they agree on it.
import { chart } from "./charts.js";
import { $, number, percent } from "./dom.js";

let evaluations = [], agreements = [], versions = [];

const of = (found, version) => found.find(({ policy_version: one }) => one === version);
const draw = chart($("human-chart"), {
  versions: true,
  series: [{ hue: "green", points: true }, { hue: "blue", points: true, dash: [4, 3] }],
  format: (value) => `${Math.round(100 * value)} %`,
  xRange: (_u, low, high) => [low - 0.5, high + 0.5],
  range: () => [0, 1],
  describe: (i) => {
    const human = of(evaluations, versions[i]), agreed = of(agreements, versions[i]);
    const words = [human && `${percent(human.rate)} of ${number(human.labels)} prefer it to ρ`, agreed && `${percent(agreed.rate)} of ${number(agreed.of)} agree`];
    return `π${versions[i]}: ${words.filter(Boolean).join(", ")}`;
  },
});

function show() {
  versions = [...new Set([...evaluations, ...agreements].map(({ policy_version: version }) => version))].sort((a, b) => a - b);
  const rates = (found) => versions.map((version) => of(found, version)?.rate ?? null);
  draw([versions, rates(evaluations), rates(agreements)], {
    level: evaluations.length ? { y: evaluations.at(-1).chance, text: "chance", side: "left" } : undefined,
    whiskers: evaluations.map(({ policy_version: version, interval }) => [version, ...interval]),
  });
}

/** `evaluation`: of /api/state. */
export function noteEvaluation({ versions: found }) {
  evaluations = found;
  show();
}

/** `policies`: of /api/people. */
export function noteAgreement(policies) {
  agreements = policies.filter(({ figures }) => figures.agreement != null).map(({ version, figures }) => ({ policy_version: version, ...figures.agreement }));
  show();
}
