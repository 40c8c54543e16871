// One chart a figure, by uPlot: lines or points, marks at versions, a dotted level (chance, target), whiskers. The arrow
// keys go from point to point, and what a point says is said to screen readers too.
/* global uPlot */

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const STEPS = [10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200, 86400, 604800]; // of the time axis, in seconds
const FONT = "11px system-ui, sans-serif";

function axis(extra) {
  return {
    stroke: () => color("soft"),
    font: FONT,
    size: 40,
    gap: 4,
    ticks: { show: false },
    grid: { stroke: () => color("grid"), width: 1 },
    ...extra,
  };
}

function time(ticks, step) {
  const options = step < 86400 ? { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(step < 60 && { second: "2-digit" }) }
    : { day: "numeric", month: "short" };
  return ticks.map((tick) => new Date(1000 * tick).toLocaleString([], options));
}

/* What stands behind and before the curves. `extras()` gives {marks: [{x, text, hue}], level: {y, text, side}, whiskers: [[x, low, high]]}. */
function overlay(extras) {
  const pixel = (u, value, scale) => Math.round(u.valToPos(value, scale, true)) + 0.5;

  function line(ctx, from, to, stroke, dash) {
    ctx.strokeStyle = stroke;
    ctx.setLineDash(dash.map((length) => length * devicePixelRatio));
    ctx.beginPath();
    ctx.moveTo(...from);
    ctx.lineTo(...to);
    ctx.stroke();
    ctx.setLineDash([]);
  }

  function draw(u) {
    const { ctx, bbox } = u;
    const { marks = [], level, whiskers = [] } = extras();
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left - 12 * devicePixelRatio, bbox.top - 14 * devicePixelRatio, bbox.width + 24 * devicePixelRatio, bbox.height + 14 * devicePixelRatio);
    ctx.clip();
    ctx.lineWidth = devicePixelRatio;
    ctx.font = `${10 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textAlign = "center";
    let free = -Infinity;
    for (const { x, text, hue = "faint" } of marks) {
      const left = pixel(u, x, "x");
      line(ctx, [left, bbox.top], [left, bbox.top + bbox.height], color(hue === "faint" ? "line" : hue), [2, 3]);
      const half = ctx.measureText(text).width / 2;
      if (left - half < free) continue; // no room beside the last one
      free = left + half + 4 * devicePixelRatio;
      ctx.fillStyle = color(hue === "faint" ? "soft" : hue);
      ctx.fillText(text, left, bbox.top - 3 * devicePixelRatio);
    }
    if (level && level.y <= u.scales.y.max && level.y >= u.scales.y.min) {
      const top = pixel(u, level.y, "y");
      line(ctx, [bbox.left, top], [bbox.left + bbox.width, top], color("faint"), [5, 4]);
      ctx.textAlign = level.side;
      ctx.fillStyle = color("soft");
      const left = level.side === "right" ? bbox.left + bbox.width - 4 * devicePixelRatio : bbox.left + 4 * devicePixelRatio;
      ctx.fillText(level.text, left, top - 4 * devicePixelRatio);
    }
    for (const [x, low, high] of whiskers) {
      const left = pixel(u, x, "x");
      line(ctx, [left, pixel(u, low, "y")], [left, pixel(u, high, "y")], color("faint"), []);
    }
    ctx.restore();
  }
  return { hooks: { drawAxes: draw } };
}

/**
 * A chart in `figure`. `series`: [{hue, scale, points, dash}]; `times`: x in seconds; `versions`: x in whole numbers; `xRange`, `range`: of the scales;
 * `format`: of a y value; `right`: hue of a second scale; `log`: y is logarithmic; `describe(index)`: the words beside the title for the point under the cursor. Returns draw(columns, extras).
 */
export function chart(figure, { series, times = false, versions = false, log = false, xRange, range, format, right, sync, describe }) {
  const box = Object.assign(document.createElement("div"), { className: "plot" });
  const title = figure.querySelector("figcaption").firstChild.textContent.trim();
  for (const [name, value] of Object.entries({ tabindex: 0, role: "group", "aria-label": `${title}: the arrow keys go from point to point` })) box.setAttribute(name, value);
  const empty = Object.assign(document.createElement("p"), { textContent: "nothing yet" });
  const output = figure.querySelector("output");
  box.append(empty);
  figure.append(box);
  let plot = null;
  let extras = {};

  const options = () => ({
    width: Math.max(box.clientWidth, 60),
    height: Math.max(box.clientHeight, 60),
    padding: [14, right ? 0 : 18, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7, fill: (_u, i) => color(series[i - 1].hue) }, ...(sync && { sync: { key: sync } }) },
    scales: { x: { time: times, ...(xRange && { range: xRange }) }, y: log ? { distr: 3 } : { range }, ...(right && { right: { range: (_u, _low, high) => [0, (high || 1) * 1.25] } }) },
    axes: [
      axis({
        size: 28,
        gap: 8,
        space: 70,
        ...(times && { incrs: STEPS }),
        ...(versions && { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] }),
        values: (_u, ticks, _axis, _space, step) => (times ? time(ticks, step) : ticks.map((tick) => tick.toLocaleString("en"))),
      }),
      axis({ space: log ? 20 : 34, ...(log && { grid: { show: false } }), ...(format && { values: (_u, ticks) => ticks.map((tick) => (tick == null ? null : format(tick))) }) }),
      ...(right ? [axis({ scale: "right", side: 1, space: 24, grid: { show: false }, stroke: () => color(right) })] : []),
    ],
    series: [
      {},
      ...series.map(({ hue, scale = "y", points = false, dash }) => ({
        scale,
        dash,
        width: 1.75,
        stroke: () => color(hue),
        points: { show: points, size: 7, fill: () => color("card"), stroke: () => color(hue) },
        spanGaps: true,
      })),
    ],
    plugins: [overlay(() => extras)],
    hooks: { setCursor: [(u) => { output.textContent = u.cursor.idx == null ? "" : describe(u.cursor.idx); }] },
  });

  const resize = () => plot?.setSize({ width: Math.max(box.clientWidth, 60), height: Math.max(box.clientHeight, 60) });
  new ResizeObserver(resize).observe(box);
  box.onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !plot) return;
    event.preventDefault();
    const last = plot.data[0].length - 1;
    const here = plot.cursor.idx == null || plot.cursor.left < 0 ? (step < 0 ? last : 0) : Math.min(last, Math.max(0, plot.cursor.idx + step));
    plot.setCursor({ left: plot.valToPos(plot.data[0][here], "x"), top: 0 });
  };
  box.onblur = () => plot?.setCursor({ left: -10, top: -10 });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plot?.redraw(false, true));

  return (columns, more = {}) => {
    extras = more;
    empty.hidden = columns[0].length > 0;
    if (!plot && !empty.hidden) return;
    if (plot) plot.setData(columns);
    else plot = new uPlot(options(), columns, box);
  };
}
