// The steering view: pause, go back, ask for work, and who did what. Settings have a file of their own.
import { offer, prune, resume, rollback, stop } from "./actions.js";
import { poll } from "./ask.js";
import { operator } from "./dialog.js";
import { $, button, element, fixed, list, moment, number, percent, policyLink, policyName, rewardLink } from "./dom.js";
import { onState } from "./now.js";
import "./settings.js";

const SERVICES = { labeling: "People are asked", sampler: "Queries are answered", reward_trainer: "r is trained", ppo: "π is trained", webhooks: "Others are told" };

function stopRow({ service, what, stopped }) {
  const words = stopped == null ? [element("span", { text: "runs", className: "green" })]
    : [element("b", { text: service == null ? "stopped" : "paused", className: "amber" }), ` by ${stopped.by}: ${stopped.reason || "no reason given"} `, element("small", { text: moment(stopped.created_at) })];
  const act = stopped == null ? button(service == null ? "Stop" : "Pause", () => stop(service)) : button("Resume", () => resume(service), "strong");
  if (operator) act.setAttribute("aria-label", `${act.textContent} ${service ?? "the line"}`);
  return element("tr", {}, element("td", { text: service ?? "The whole line" }), element("td", { text: what }), element("td", { className: "wide" }, ...words), element("td", { className: "n" }, operator ? act : null));
}

function showStops(found) {
  const stops = Array.isArray(found) ? found : found.stops;
  const of = (service) => stops.find((one) => one.service === service) ?? null;
  const rows = [{ service: null, what: "Training", stopped: of(null) }, ...Object.entries(SERVICES).map(([service, what]) => ({ service, what, stopped: of(service) }))];
  list("stops", rows, stopRow, "td");
}

function pairRow({ version, live, gone, pruned, by, episodes, score, kl, human, made }) {
  const back = operator && !pruned && !live ? button("Roll back …", () => rollback(version)) : null;
  back?.setAttribute("aria-label", `Roll back to ${policyName(version)}`);
  const state = live ? element("b", { className: "live", text: "live" }) : gone ? element("small", { text: "rolled back from" }) : pruned ? element("small", { text: "pruned" }) : null;
  const figures = [number(episodes), fixed(score, 2), fixed(kl, 1), percent(human), made];
  return element(
    "tr",
    { className: gone ? "gone" : "" },
    element("td", {}, policyLink(version), " ", state),
    element("td", {}, by == null ? "none" : rewardLink(by)),
    ...figures.map((text) => element("td", { text, className: "n" })),
    element("td", { className: "n" }, back),
  );
}

onState(({ policy, evaluation }) => {
  const human = new Map(evaluation.versions.map(({ policy_version: version, rate }) => [version, rate]));
  const rows = policy.versions.map((one) => ({
    version: one.version,
    live: one.version === policy.live?.version,
    gone: one.abandoned,
    pruned: one.pruned,
    by: one.reward_version,
    episodes: one.episodes,
    score: one.score,
    kl: one.kl,
    human: human.get(one.version) ?? null,
    made: moment(one.created_at),
  }));
  list("pairs", rows.reverse(), pairRow, "td");
});

const json = (value) => (typeof value === "string" ? value : JSON.stringify(value));

function what({ kind, detail }) {
  switch (kind) {
    case "stop": return `stopped ${detail.service ?? "the line"}`;
    case "resume": return `resumed ${detail.service ?? "the line"}`;
    case "rollback": return `rolled back to ${policyName(detail.policy)}${detail.reward == null ? "" : ` and r${detail.reward}`}`;
    case "retrain": return "asked for a training of r";
    case "retry": return `retried ${detail.jobs?.join(", ") || "failed jobs"}`;
    case "set": return `${detail.key}: ${json(detail.was)} → ${detail.reset ? "as it was started" : json(detail.value)}`;
    case "prune": return detail.dry_run ? "asked what a prune would remove" : "pruned checkpoints";
    default: return kind;
  }
}

/** {"policies": [1, 2], "bytes": 5}: policies 1, 2; bytes 5. */
function outcome(result) {
  const words = Object.entries(result).map(([name, value]) => `${name.replaceAll("_", " ")} ${Array.isArray(value) ? value.join(", ") || "none" : json(value)}`);
  return words.join("; ") || "done";
}

function came({ kind, result, detail, newest }) {
  if (result == null) return ["retrain", "prune"].includes(kind) ? ["waits for its job"] : [];
  const goOn = operator && kind === "prune" && detail.dry_run && newest ? button("Remove them …", () => prune(outcome(result)), "strong") : null;
  return [outcome(result), " ", goOn].filter((one) => one != null);
}

function actionRow({ when, ...entry }) {
  return element(
    "tr",
    {},
    element("td", { text: when }),
    element("td", { text: entry.by }),
    element("td", { text: what(entry), className: "wide" }),
    element("td", { text: entry.reason, className: "wide" }),
    element("td", { className: "wide" }, ...came(entry)),
  );
}

function showActions({ actions }) {
  const newest = actions.find(({ kind }) => kind === "prune")?.id;
  list("actions", actions.map((entry) => ({ ...entry, newest: entry.kind === "prune" && entry.id === newest, when: moment(entry.created_at) })), actionRow, "td", "nobody did anything yet");
}

if (operator) $("asks").append(offer("retrain"), offer("retry"), offer("prune"));
poll(() => "/api/stops", "stops", showStops, { every: 5000 });
poll(() => "/api/actions", "actions", showActions, { every: 5000 });
