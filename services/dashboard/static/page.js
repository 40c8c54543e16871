// The page: asks /api/state every two seconds and shows it. All text goes in as text, never as HTML.
import { stopButton } from "./actions.js";
import { poll } from "./ask.js";
import { showCurves } from "./curves.js";
import { $, clock, duration, element, fixed, list, number, percent, policyLink, put, rewardLink } from "./dom.js";
import { noteEvaluation } from "./human.js";
import { noteState } from "./now.js";
import { noteSwaps } from "./swaps.js";
import "./views.js";

const EVERY = 2000;

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
  put("labels-note", labels.next_training == null ? "" : `next training of r at ${number(labels.next_training)}`);
  put("open", number(labels.open_queries));
  put("open-of", labels.leases_open ? `${number(labels.leases_open)} with people` : "");
  const oldest = labels.oldest_open_seconds == null ? "" : `oldest ${duration(labels.oldest_open_seconds)}`;
  put("open-note", [oldest, labels.skipped ? `${number(labels.skipped)} skipped` : ""].filter(Boolean).join(" · "));
  put("reward-version", reward.live ? `r${reward.live.version}` : "");
  put("accuracy", percent(reward.live?.accuracy));
  put("reward-note", `chance ${Math.round(100 * reward.chance)} %` + (reward.live ? ` · ${number(reward.live.labels)} labels` : ""));
  put("policy-version", policy.live ? `π${policy.live.version}` : "");
  put("score", fixed(training.score, 2));
  put("policy-note", policy.live?.reward_version != null ? `by r${policy.live.reward_version}` : "no policy trained yet");
  const human = evaluation.newest;
  put("human-version", human ? `π${human.policy_version}` : "");
  put("human", percent(human?.rate));
  put("human-of", human ? `of ${number(human.labels)}` : "");
  const range = human?.interval.map((share) => Math.round(100 * share)).join(" to ");
  put("human-note", human ? `${range}, chance ${Math.round(100 * human.chance)} %` : "π or ρ: nobody asked yet");
  put("kl", fixed(training.kl, 2));
  const target = training.kl_target == null ? "β fixed" : `target ${training.kl_target}`;
  put("kl-note", training.kl_coef == null ? target : `${target} · β ${fixed(training.kl_coef, 3)}`);
  put("episodes", number(training.episodes));
  put("episodes-of", `of ${number(training.planned)}`);
  $("episodes-bar").value = training.episodes / training.planned;
  put("episodes-note", policy.live ? `published up to ${number(policy.live.episodes)}` : "");
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
    row.append(element("details", {}, element("summary", { text: last, title: last }), element("pre", { text: error, attributes: { tabindex: 0 } })));
  }
  return row;
}

const versionName = (kind, version) => (kind === "policy" ? policyLink(version) : rewardLink(version));

function versionRow({ kind, version, live, gone, from, figure, when, title, className }) {
  return element(
    "tr",
    { title, className: gone ? "gone" : "" },
    element("td", {}, versionName(kind, version), live && element("b", { className: "live", text: "live" })),
    element("td", { text: from }),
    element("td", { text: figure, className: `n ${className}` }),
    element("td", { text: when, className: "n" }),
  );
}

function versionRows({ reward, policy }) {
  const rewards = reward.versions.map(({ version, labels, status, accuracy, reason, request_id: asked, pruned, created_at: at }) => ({
    at,
    kind: "reward",
    version,
    live: version === reward.live?.version,
    from: `${number(labels)} labels${asked == null ? "" : ", asked for"}${pruned ? ", pruned" : ""}`,
    figure: status === "rejected" ? "rejected" : percent(accuracy),
    title: reason,
    className: status,
  }));
  const policies = policy.versions.map(({ version, parent, reward_version: by, score, kl, abandoned, pruned, created_at: at }) => ({
    at,
    kind: "policy",
    version,
    live: version === policy.live?.version,
    gone: abandoned,
    from: (by == null ? "reference" : `${parent === 0 ? "ρ" : `π${parent}`} and r${by}`) + (pruned ? ", pruned" : ""),
    figure: score == null ? "" : `${fixed(score, 2)} at ${fixed(kl, 1)} nats`,
    title: abandoned ? "rolled back from" : "",
    className: "",
  }));
  const backs = [...rewards, ...policies].sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
  return backs.map((row) => ({ ...row, when: clock(row.at) }));
}

function show(state) {
  noteSwaps(state);
  noteState(state);
  noteEvaluation(state.evaluation);
  showPhase(state);
  stopButton(state.stopped);
  showTiles(state);
  showCurves(state);
  const versions = versionRows(state);
  list("jobs", state.jobs.map(jobWords), jobRow, "li");
  list("versions", versions, versionRow, "td");
  $("versions-head").hidden = versions.length === 0;
}

poll(() => "/api/state", "state", show, { every: EVERY });
