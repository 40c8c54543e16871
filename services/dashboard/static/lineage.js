// The lineage of a version, at #policy/3 or #reward/2: what it descends from, whose labels, and what the gate said.
import { poll } from "./ask.js";
import { $, element, fixed, list, moment, number, percent, policyLink, policyName, put, rewardLink } from "./dom.js";
import { now, onState } from "./now.js";
import { place } from "./views.js";

const figure = (value) => (value == null ? "–" : Number.isInteger(value) ? number(value) : Number(value.toPrecision(3)).toString().replace("-", "−"));

function checkRow({ name, passed, said, figures }) {
  const values = Object.entries(figures).map(([key, value]) => element("span", {}, `${key.replaceAll("_", " ")} `, element("b", { text: figure(value) })));
  return element(
    "li",
    { data: { passed } },
    element("b", { text: `${passed ? "✓" : "✗"} ${name.replaceAll("_", " ")}` }),
    element("p", {}, said),
    values.length ? element("small", {}, ...values) : null,
  );
}

function verdict({ version, status, reason, verdict: checks }) {
  const head = element("h4", { className: status }, rewardLink(version), ` ${status}${reason ? `: ${reason}` : ""}`);
  return element("div", {}, head, element("ul", { className: "checks" }, ...(checks.length ? checks.map(checkRow) : [element("li", { text: "nothing is known of its checks", className: "none" })])));
}

function behindRow({ version, status, labels, retracted }) {
  const from = Object.entries(labels).sort(([, a], [, b]) => b - a);
  const total = from.reduce((sum, [, count]) => sum + count, 0);
  return element(
    "tr",
    {},
    element("td", {}, rewardLink(version)),
    element("td", { text: status, className: status }),
    element("td", { text: number(total), className: "n" }),
    element("td", { text: from.map(([name, count]) => `${name} ${number(count)}`).join(", "), className: "wide" }),
    element("td", { text: number(retracted), className: "n" }),
  );
}

function descentRow({ version, reward_version: by, parent, self }) {
  return element("li", { data: { self } }, policyLink(version), parent == null ? " the reference" : " by ", by == null ? null : rewardLink(by));
}

function fact([name, text]) {
  return element("div", {}, element("dt", { text: name }), element("dd", { text }));
}

function facts(kind, version) {
  const state = now();
  const found = state?.[kind].versions.find((one) => one.version === version);
  if (!found) return [];
  const live = [["State", found.version === state[kind].live?.version ? "live" : found.abandoned ? "rolled back from" : found.status ?? "earlier"], ["Made", moment(found.created_at)]];
  return kind === "policy"
    ? [...live, ["Episodes", number(found.episodes)], ["Score", fixed(found.score, 2)], ["KL", `${fixed(found.kl, 2)} nats`], ["β", fixed(found.kl_coef, 3)], ["sha256", found.sha256.slice(0, 12)], ["Weights", found.pruned ? "pruned" : "kept"]]
    : [...live, ["Accuracy", `${percent(found.accuracy)} of ${number(found.compared)}`], ["Labels", number(found.labels)], ["Held out", number(found.held_out)], ["Asked for by", found.request_id == null ? "the plan" : "an operator"], ["Weights", found.pruned ? "pruned" : "kept"]];
}

let newest = null;

function show(found) {
  newest = { ...place(), ...found };
  showNewest();
}

/** Again with each state: it says which versions are live. */
function showNewest() {
  const { kind, version } = place();
  if (newest == null || newest.kind !== kind || newest.version !== version) return;
  const { rewards, policies } = newest;
  put("version-title", kind === "policy" ? `Policy ${policyName(version)}` : `Reward model r${version}`);
  list("version-facts", facts(kind, version), fact, "dd");
  list("descent", policies.map((one) => ({ ...one, self: kind === "policy" && one.version === version })), descentRow, "li", "no policy was trained with it");
  list("behind", rewards, behindRow, "td");
  const known = new Map(now()?.reward.versions.map((one) => [one.version, one]) ?? []);
  const judged = rewards.map((one) => ({ verdict: [], reason: "", ...known.get(one.version), ...one }));
  list("verdicts", judged.reverse(), verdict, "p");
}

onState(showNewest);
poll(() => { const { kind, version } = place(); return `/api/lineage/${kind}/${version}`; }, "lineage", show);
