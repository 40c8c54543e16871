// The panel of comparisons: asks /api/comparisons every ten seconds and shows how they stand.
import { poll } from "./ask.js";
import { drawn, element, list, number, percent, whole } from "./dom.js";

const WIDTH = 96, HEIGHT = 12;

const name = (one) => (one === 0 ? "ρ" : typeof one === "number" ? `π${one}` : one);

/** From 0 to 1: the middle, the interval, the rate. */
function whisker(rate, [low, high]) {
  const x = (share) => 3 + share * (WIDTH - 6), middle = HEIGHT / 2;
  const picture = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, class: "whisker", "aria-hidden": "true" });
  picture.append(
    drawn("line", { x1: x(0.5), x2: x(0.5), y1: 0, y2: HEIGHT, class: "half" }),
    drawn("line", { x1: x(low), x2: x(high), y1: middle, y2: middle }),
    drawn("circle", { cx: x(rate), cy: middle, r: 3 }),
  );
  return picture;
}

function rateCells({ rate, interval }) {
  if (rate == null) return [element("td"), element("td", { text: "undefined", className: "n none" })];
  const range = element("small", { text: `${whole(interval[0])} to ${whole(interval[1])}` });
  return [element("td", {}, whisker(rate, interval)), element("td", { text: `${percent(rate)} `, className: "n" }, range)];
}

function comparisonRow({ tally, ...one }) {
  const { wins, losses, neither, waiting, queries } = tally;
  return element(
    "tr",
    {},
    element("td", { text: `${name(one.version)} beside ${name(one.against ?? one.reference)}` }),
    element("td", { text: one.state, className: one.state === "decided" ? "decided" : "" }),
    ...rateCells(one),
    element("td", { text: `${number(wins)} : ${number(losses)}`, className: "n" }),
    element("td", { text: number(neither), className: "n" }),
    element("td", { text: `${one.evidence < 1000 ? one.evidence.toPrecision(2) : one.evidence.toExponential(0)} of ${whole(1 / one.alpha) / 100}`, className: "n" }),
    element("td", { text: `${number(waiting)} of ${number(queries)}`, className: "n" }),
  );
}

function standingRow({ contestant, labels, ...one }) {
  const title = one.rate == null ? "no chain of comparisons leads to ρ" : "";
  return element("tr", { title }, element("td", { text: name(contestant) }), ...rateCells(one), element("td", { text: number(labels), className: "n" }));
}

function show({ comparisons, leaderboard }) {
  list("comparison-rows", comparisons, comparisonRow, "td");
  list("leaderboard-rows", leaderboard, standingRow, "td");
}

poll(() => "/api/comparisons", "comparisons", show);
