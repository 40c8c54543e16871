// The sample browser: what was asked, who answered what, what r and people said of it; and the same query to every π.
import { poll } from "./ask.js";
import { $, element, fixed, list, moment, policyLink, rewardLink } from "./dom.js";
import { onState } from "./now.js";

const LIMIT = 20;
let before = []; // the id that each older page begins below; empty: the newest page
let next = null;

const writer = (version) => (version == null ? element("small", { text: "not ours" }) : policyLink(version));
const score = (version, value) => element("span", { className: "score" }, version == null ? "r" : rewardLink(version), ` ${fixed(value, 2)}`);

function labelWords({ best, rating, none_acceptable: none }) {
  if (none) return "none is acceptable";
  return rating == null ? `best is ${best + 1}` : `rating ${rating}`;
}

function labelRow(label) {
  const { labeler, flag, critique, created_at: at, retracted } = label;
  const said = [labelWords(label), flag && `flag ${flag}`, critique && `“${critique}”`, retracted && "taken back"].filter(Boolean).join(" · ");
  return element("li", { className: retracted ? "gone" : "" }, element("b", { text: labeler }), ` ${said} `, element("small", { text: moment(at) }));
}

function responseRow({ index, policy_version: version, text, scores }, labels) {
  const chosen = labels.filter(({ best, retracted }) => best === index && !retracted).map(({ labeler }) => labeler);
  const about = element("span", { className: "about" }, writer(version), ...Object.entries(scores).map(([reward, value]) => score(Number(reward), value)));
  if (chosen.length) about.append(element("b", { className: "chosen", text: `✓ ${chosen.join(", ")}` }));
  return element("li", { className: chosen.length ? "best" : "" }, element("p", { text, className: "said" }), about);
}

function sample({ id, position, purpose, text, created_at: at, responses, labels }) {
  const head = element("h3", {}, `Query ${position ?? id} `, element("small", { text: `${purpose} · ${moment(at)}` }));
  return element(
    "article",
    {},
    head,
    element("p", { text, className: "said" }),
    element("ol", { className: "answers" }, ...responses.map((one) => responseRow(one, labels))),
    labels.length ? element("ul", { className: "labels" }, ...labels.map(labelRow)) : element("small", { text: "no label yet" }),
  );
}

function address() {
  const asked = { version: $("sample-version").value, labeled: $("sample-labeled").value, purpose: $("sample-purpose").value, before: before.at(-1) ?? "", limit: LIMIT };
  return `/api/samples?${new URLSearchParams(Object.entries(asked).filter(([, value]) => value !== ""))}`;
}

function showSamples(page) {
  next = page.next;
  list("samples", page.queries, sample, "p", "no such query");
  $("older").hidden = next == null;
  $("newest").hidden = before.length === 0;
}

const again = poll(address, "samples", showSamples);
function turn(to) {
  before = to;
  again();
  $("samples-title").scrollIntoView();
}
$("older").onclick = () => turn([...before, next]);
$("newest").onclick = () => turn([]);
for (const id of ["sample-version", "sample-labeled", "sample-purpose"]) $(id).onchange = () => turn([]);

onState(({ policy }) => {
  const box = $("sample-version"), there = box.options.length - 1;
  if (there === policy.versions.length) return;
  const chosen = box.value;
  const options = [...policy.versions].reverse().map(({ version }) => element("option", { text: version === 0 ? "ρ" : `π${version}`, attributes: { value: version } }));
  box.replaceChildren(box.options[0], ...options);
  box.value = chosen;
});

let probes = [];

function answerRow({ policy_version: version, response, score: value, reward_version: by }) {
  return element("li", {}, element("p", { text: response, className: "said" }), element("span", { className: "about" }, policyLink(version), value == null ? null : score(by, value)));
}

function showProbe() {
  const probe = probes[Number($("probe").value)];
  $("probe-query").hidden = probe == null;
  $("probe-query").textContent = probe?.query ?? "";
  list("probe-answers", probe ? [...probe.answers].reverse() : [], answerRow, "li", "no policy was asked yet");
}

function showProbes(found) {
  probes = found.probes;
  const names = probes.map(({ query }, i) => `${i + 1}: ${query.trim().slice(-48)}`);
  const chosen = $("probe").value;
  if (names.length !== $("probe").options.length) $("probe").replaceChildren(...names.map((text, i) => element("option", { text, attributes: { value: i } })));
  if (chosen) $("probe").value = chosen;
  showProbe();
}

$("probe").onchange = showProbe;
poll(() => "/api/probes", "probes", showProbes, { every: 20000 });
