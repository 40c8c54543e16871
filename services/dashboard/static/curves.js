// The curves of /api/state: score, KL and its coefficient, accuracy of r, and the small ones of PPO.
import { chart } from "./charts.js";
import { $, fixed, number, percent } from "./dom.js";
import { swapsByEpisode } from "./swaps.js";

let state = null;
const measured = ({ reward }) => reward.versions.filter(({ accuracy }) => accuracy != null);
const at = (i) => `episode ${number(state.training.curve.episodes[i])}`;
const GONE = { hue: "faint", dash: [2, 2] }; // of policies that were rolled back from

function small(name, hue, digits) {
  return chart($(`${name}-chart`), {
    series: [{ hue }, GONE],
    sync: "episodes",
    describe: (i) => `${at(i)}: ${fixed(state.training.curve[name === "value" ? "value_loss" : name][i], digits)}`,
  });
}

const draw = {
  accuracy: chart($("accuracy-chart"), {
    series: [{ hue: "green", points: true }, { hue: "red", points: true, dash: [0, 1e6] }],
    format: (value) => `${Math.round(100 * value)} %`,
    xRange: (_u, _low, high) => [0, 1.05 * high],
    range: () => [0, Math.min(1, Math.max(0.6, ...state.reward.versions.map((r) => (r.interval?.[1] ?? 0) + 0.05)))],
    describe: (i) => {
      const { version, status, accuracy, compared, reason } = measured(state)[i];
      return `r${version}: ${percent(accuracy)} of ${number(compared)}${status === "rejected" ? `, rejected: ${reason}` : ""}`;
    },
  }),
  score: chart($("score-chart"), {
    series: [{ hue: "violet" }, GONE],
    sync: "episodes",
    describe: (i) => `${at(i)}: ${fixed(state.training.curve.score[i], 2)}`,
  }),
  kl: chart($("kl-chart"), {
    series: [{ hue: "blue" }, { hue: "amber", scale: "right", dash: [4, 3] }, GONE],
    range: (_u, _low, high) => [0, Math.max(1, high * 1.12, (state.training.kl_target ?? 0) * 1.15)],
    right: "amber",
    sync: "episodes",
    describe: (i) => `${fixed(state.training.curve.kl[i], 2)} nats, β ${fixed(state.training.curve.kl_coef[i], 3)}`,
  }),
  clipfrac: small("clipfrac", "blue", 3),
  entropy: small("entropy", "green", 1),
  value: small("value", "violet", 3),
};

/** `now`: what /api/state says. */
export function showCurves(now) {
  state = now;
  const { reward, policy, training } = now;
  const points = measured(now);
  const only = (status) => points.map((version) => (version.status === status ? version.accuracy : null));
  draw.accuracy([points.map(({ labels }) => labels), only("published"), only("rejected")], {
    level: { y: reward.chance, text: `chance ${Math.round(100 * reward.chance)} %`, side: "left" },
    whiskers: points.map(({ labels, interval }) => [labels, ...interval]),
  });
  const { episodes, abandoned, score, kl, kl_coef: coef, clipfrac, entropy, value_loss: loss } = training.curve;
  const live = (column) => column.map((value, i) => (abandoned[i] ? null : value));
  const gone = (column) => column.map((value, i) => (abandoned[i] ? value : null));
  const marks = swapsByEpisode(policy);
  const level = training.kl_target == null ? undefined : { y: training.kl_target, text: "target", side: "left" };
  draw.score([episodes, live(score), gone(score)], { marks });
  draw.kl([episodes, live(kl), live(coef), gone(kl)], { marks, level });
  draw.clipfrac([episodes, live(clipfrac), gone(clipfrac)], { marks });
  draw.entropy([episodes, live(entropy), gone(entropy)], { marks });
  draw.value([episodes, live(loss), gone(loss)], { marks });
}
