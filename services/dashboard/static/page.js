// The page: asks /api/state every two seconds and shows it. All text goes in as text, never as HTML.
import { chart } from "./charts.js";
import { $, element, fixed, list, number, percent, put } from "./dom.js";
import { lineButtons, showLine } from "./line.js";

const EVERY = 2000;

/** The time of day; of what is older than a day, the date. */
function clock(text) {
  const at = new Date(text);
  return Date.now() - at > 86400e3 ? at.toLocaleDateString([], { day: "numeric", month: "short" })
    : at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

let state = null;
const draw = {
  labels: chart($("labels-chart"), {
    times: true,
    series: [{ hue: "blue" }],
    range: (_u, _low, high) => [0, Math.max(10, high * 1.12)],
    describe: (i) => `${number(state.labels.curve.count[i])} at ${clock(1000 * state.labels.curve.at[i])}`,
  }),
  accuracy: chart($("accuracy-chart"), {
    series: [{ hue: "green", points: true }, { hue: "red", points: true, dash: [0, 1e6] }],
    format: (value) => `${Math.round(100 * value)} %`,
    xRange: (_u, _low, high) => [0, 1.05 * high],
    range: () => [0, Math.min(1, Math.max(0.6, ...state.reward.versions.map((r) => (r.interval?.[1] ?? 0) + 0.05)))],
    describe: (i) => {
      const reward = measured(state)[i];
      return `r${reward.version}: ${percent(reward.accuracy)} of ${number(reward.compared)}, from ${number(reward.labels)} labels`;
    },
  }),
  score: chart($("score-chart"), {
    series: [{ hue: "violet" }],
    sync: "episodes",
    describe: (i) => `episode ${number(state.training.curve.episodes[i])}: ${fixed(state.training.curve.score[i], 2)}`,
  }),
  kl: chart($("kl-chart"), {
    series: [{ hue: "blue" }, { hue: "amber", scale: "right", dash: [4, 3] }],
    range: (_u, _low, high) => [0, Math.max(1, high * 1.12, (state.training.kl_target ?? 0) * 1.15)],
    right: "amber",
    sync: "episodes",
    describe: (i) => `${fixed(state.training.curve.kl[i], 2)} nats, β ${fixed(state.training.curve.kl_coef[i], 3)}`,
  }),
};

const measured = ({ reward }) => reward.versions.filter((version) => version.accuracy != null);

function showPhase({ phase }) {
  put("headline", phase.headline);
  $("headline").dataset.kind = phase.kind;
  put("doing", phase.doing.join(" · "));
  put("waits", phase.waits_for ? `Waits for: ${phase.waits_for}` : "");
}

function showTiles({ labels, reward, policy, evaluation, training }) {
  put("labels", number(labels.count));
  put("labels-of", `of ${number(labels.budget)}`);
  $("labels-bar").value = labels.count / labels.budget;
  put("labels-note", labels.next_training == null ? "" : `next reward training at ${number(labels.next_training)}`);
  put("open", number(labels.open_queries));
  put("open-of", labels.leases_open ? `${number(labels.leases_open)} with people` : "");
  const oldest = labels.oldest_open_seconds == null ? "" : `oldest ${duration(labels.oldest_open_seconds)}`;
  put("open-note", [oldest, labels.skipped ? `${number(labels.skipped)} skipped` : ""].filter(Boolean).join(" · "));
  put("reward-version", reward.newest ? `r${reward.newest.version}` : "");
  put("accuracy", percent(reward.newest?.accuracy));
  put("reward-note", `chance ${Math.round(100 * reward.chance)} %` + (reward.newest ? ` · ${number(reward.newest.labels)} labels` : ""));
  put("policy-version", policy.newest ? `π${policy.newest.version}` : "");
  put("score", fixed(training.score, 2));
  put("policy-note", policy.newest?.reward_version != null ? `by r${policy.newest.reward_version}` : "no policy trained yet");
  const human = evaluation.newest;
  put("human-version", human ? `π${human.policy_version}` : "");
  put("human", percent(human?.rate));
  put("human-of", human ? `of ${number(human.labels)}` : "");
  const range = human?.interval.map((share) => Math.round(100 * share)).join(" to ");
  put("human-note", human ? `${range} % · chance ${Math.round(100 * human.chance)} %` : "π or ρ: nobody asked yet");
  put("kl", fixed(training.kl, 2));
  const target = training.kl_target == null ? "β fixed" : `target ${training.kl_target}`;
  put("kl-note", training.kl_coef == null ? target : `${target} · β ${fixed(training.kl_coef, 3)}`);
  put("episodes", number(training.episodes));
  put("episodes-of", `of ${number(training.planned)}`);
  $("episodes-bar").value = training.episodes / training.planned;
  put("episodes-note", policy.newest ? `published up to ${number(policy.newest.episodes)}` : "");
}

function showCharts({ labels, reward, policy, training }) {
  const published = reward.versions.filter((version) => version.status === "published");
  draw.labels([labels.curve.at, labels.curve.count], {
    marks: published.map(({ version, created_at }) => ({ x: Date.parse(created_at) / 1000, text: `r${version}` })),
    level: { y: labels.budget, text: "budget", side: "left" },
  });
  const points = measured(state);
  const only = (status) => points.map((version) => (version.status === status ? version.accuracy : null));
  draw.accuracy([points.map(({ labels: count }) => count), only("published"), only("rejected")], {
    level: { y: reward.chance, text: `chance ${Math.round(100 * reward.chance)} %`, side: "left" },
    whiskers: points.map(({ labels: count, interval }) => [count, ...interval]),
  });
  const { episodes, score, kl, kl_coef: coef } = training.curve;
  const marks = policy.versions.slice(1).map(({ version, episodes: at }) => ({ x: at, text: `π${version}` }));
  draw.score([episodes, score], { marks });
  const level = training.kl_target == null ? undefined : { y: training.kl_target, text: "target", side: "left" };
  draw.kl([episodes, kl, coef], { marks, level });
}

function jobWords({ key, attempt, state: name, silent_seconds: silent, error }) {
  return {
    title: attempt > 1 ? `${key}, attempt ${attempt}` : key,
    note: name === "running" && silent > 30 ? `silent for ${duration(silent)}` : name,
    className: name === "failed" ? name : "",
    error,
  };
}

function jobRow({ title, note, className, error }) {
  const line = element("div", { className: "line" }, element("span", { text: title }), element("span", { text: note, className }));
  const row = element("li", {}, line);
  if (error) {
    const last = error.trim().split("\n").at(-1);
    row.append(element("details", {}, element("summary", { text: last, title: last }), element("pre", { text: error })));
  }
  return row;
}

function versionRow({ cells, title, className = "" }) {
  const [name, from, ...figures] = cells;
  const last = figures.map((text, i) => element("td", { text, className: i ? "n" : `n ${className}` }));
  return element("tr", { title }, element("td", { text: name }), element("td", { text: from }), ...last);
}

function versionRows({ reward, policy }) {
  const rewards = reward.versions.map(({ version, labels, status, accuracy, reason, created_at: at }) => ({
    at,
    cells: [`r${version}`, `${number(labels)} labels`, status === "rejected" ? "rejected" : percent(accuracy), clock(at)],
    title: reason,
    className: status,
  }));
  const policies = policy.versions.map(({ version, parent, reward_version: by, score, kl, sha256, created_at: at }) => ({
    at,
    cells: [`π${version}`, by == null ? "the reference" : `π${parent} and r${by}`,
      score == null ? "" : `${fixed(score, 2)} at ${fixed(kl, 1)} nats`, clock(at)],
    title: sha256,
  }));
  return [...rewards, ...policies].sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
}

function labelerRow({ name, labels }) {
  return element("tr", {}, element("td", { text: name }), element("td", { text: number(labels), className: "n" }));
}

function showLists({ jobs, labels }) {
  const versions = versionRows(state);
  list("jobs", jobs.map(jobWords), jobRow, "li");
  list("versions", versions, versionRow, "td");
  list("labelers", labels.labelers, labelerRow, "td");
  $("versions-head").hidden = versions.length === 0;
}

function trouble(text) {
  $("trouble").hidden = !text;
  put("trouble", text);
  document.body.classList.toggle("stale", Boolean(text));
}

async function refresh() {
  const answer = await fetch("/api/state", { signal: AbortSignal.timeout(10000), headers: { Accept: "application/json" } });
  if (answer.status === 401) return location.assign("/login");
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail);
  state = body;
  showPhase(state);
  showLine(state.stopped);
  showTiles(state);
  showCharts(state);
  showLists(state);
  trouble("");
}

async function poll() {
  try {
    if (!document.hidden) await refresh();
  } catch (error) {
    trouble(`What you see is old: ${error.name === "TypeError" ? "the dashboard does not answer" : error.message}`);
  }
  setTimeout(poll, EVERY);
}

lineButtons(refresh);
poll();
