// What operators can do, each by one button that opens the dialog: from the banner, the header and the steering view.
import { post } from "./ask.js";
import { ask, operator } from "./dialog.js";
import { $, button, element, policyName } from "./dom.js";
import { now } from "./now.js";

const whole = (service) => service ?? "the line";
const about = (service, reason) => (service == null ? { reason } : { service, reason });

export const stop = (service) => ask({
  title: `${service == null ? "Stop" : "Pause"} ${whole(service)}`,
  text: service === "labeling" ? "People get no questions until an operator resumes." : service == null ? "Training halts where it stands, until an operator resumes." : "It halts where it stands, until an operator resumes.",
  verb: service == null ? "Stop the line" : `Pause ${service}`,
  danger: true,
  required: true,
  send: (reason) => post("/api/stop", about(service, reason)),
});

export const resume = (service) => ask({
  title: `Resume ${whole(service)}`,
  text: "It goes on where it stopped. What stopped it before will not stop it again for the same evidence.",
  verb: "Resume",
  send: (reason) => post("/api/resume", about(service, reason)),
});

const retry = () => ask({ title: "Retry failed jobs", text: "Every job that failed at all its attempts gets as many again.", verb: "Retry", send: (reason) => post("/api/retry", { reason }) });

const retrain = () => ask({ title: "Retrain r now", text: "On all labels there are, beside the plan's own trainings. It goes live only through the gate.", verb: "Retrain", send: (reason) => post("/api/retrain", { reason }) });

/** First what would go is asked for; `prune` with the row of the audit trail that says it then does it. */
const lookAhead = () => ask({
  title: "Prune checkpoints",
  text: "First you see what would go, under “Who did what” of Steering: nothing is removed yet, and nothing that is in use ever.",
  verb: "Show what would go",
  send: async (reason) => {
    await post("/api/prune", { reason, dry_run: true });
    location.hash = "#steering";
  },
});

export const prune = (what) => ask({ title: "Prune checkpoints", text: `The weights are removed for good: ${what}. Their rows and figures stay.`, verb: "Remove them", danger: true, send: (reason) => post("/api/prune", { reason, dry_run: false }) });

function select(id, label, options, chosen) {
  const box = element("select", { attributes: { id } }, ...options.map(([value, text]) => element("option", { text, attributes: { value } })));
  box.value = String(chosen ?? "");
  return [element("label", { text: label, attributes: { for: id } }), box];
}

/** Back to policy `version`, by default the one before the live one. */
export function rollback(version) {
  const { policy, reward } = now();
  const there = policy.versions.filter(({ pruned }) => !pruned);
  const sound = reward.versions.filter(({ status, pruned }) => status === "published" && !pruned);
  const to = version ?? policy.live?.parent ?? 0;
  const policies = select("back-policy", "Policy", there.map(({ version: one }) => [one, `${policyName(one)}${one === policy.live?.version ? " (live)" : ""}`]).reverse(), to);
  const rewards = select("back-reward", "Reward model", [["", "the one it was trained with"], ...sound.map(({ version: one }) => [one, `r${one}${one === reward.live?.version ? " (live)" : ""}`]).reverse()], "");
  ask({
    title: "Roll back",
    text: "This pair becomes live; training goes on from that policy's trainer state. What is under way ends, newer versions stay for study.",
    verb: "Roll back",
    danger: true,
    required: true,
    fields: [...policies, ...rewards],
    send: (reason) => {
      const chosen = $("back-reward").value;
      return post("/api/rollback", { policy: Number($("back-policy").value), reward: chosen ? Number(chosen) : null, reason });
    },
  });
}

const OFFERS = {
  resume: { text: (service) => (service == null ? "Resume" : `Resume ${service}`), act: resume },
  retry: { text: () => "Retry failed jobs", act: retry },
  rollback: { text: () => "Roll back …", act: () => rollback() },
  retrain: { text: () => "Retrain now", act: retrain },
  prune: { text: () => "Prune …", act: lookAhead },
};

/** The button of an action, "resume" and the like; null for those who may not. */
export function offer(action, service = null, className = "") {
  if (!operator || !OFFERS[action]) return null;
  const { text, act } = OFFERS[action];
  return button(text(service), () => act(service), className);
}

/** The header's: there while the line goes. */
export function stopButton(stopped) {
  if (!operator) return;
  $("stop").hidden = stopped != null;
  $("stop").onclick = () => stop(null);
}
