// Plots of series, drawn with uPlot. A canvas cannot be read by everybody: what matters of each plot is said in words above it, and
// the values under the pointer stand below it. Names of faults and volumes are other people's text, and only ever text.

addTexts({
  plots_of_terminal: "This terminal over the whole run", plot_free_space: "Free space", plot_memory: "Memory", plot_response_by_fill: "How long a sale takes, by how full the terminal is",
  plot_acceptance: "Customers by the hour of day", plot_response_over_runs: "The slowest sales of each run, by how full the terminal was",
  plot_of: "of", plot_time: "virtual time", plot_bytes_free: "free", plot_bytes_held: "in use", plot_seconds: "seconds", plot_customers: "customers",
  plot_hour: "hour of the day (virtual time)", plot_fill: "how full", plot_runs: "runs", plot_day: "day {day}", plot_all: "all",
  plot_line_own: "free, foreign bytes not counted", plot_line_seen: "free as the software sees it", plot_line_measured: "in use",
  plot_line_forecast: "if it goes on so and nobody restarts it", plot_line_budget: "all there is", plot_line_p50: "half are over by then",
  plot_line_p95: "95 of 100 are over by then", plot_line_median_run: "of half the runs at most", plot_line_p95_run: "of 95 in 100 runs at most",
  plot_line_paid: "paid", plot_line_declined: "declined by the host", plot_line_unpaid: "left without having paid",
  plot_mark_settlement: "settlement", plot_mark_full: "full", plot_mark_power_loss: "power lost", plot_mark_died: "software died", plot_mark_fault: "fault",
  plot_span: "while a fault lasts", plot_sales: "{count|sale|sales}", plot_runs_count: "{count|run|runs}",
  plot_say_space: "Least: {least} of {total} free. Measured at the points; between them nothing is known.",
  plot_say_watched: "Least: {least} of {total} free. Seen after each event of this terminal.", plot_line_watched: "free as the software sees it", plot_say_dies: "It grows by {bytes} a sale and has nothing left on day {day}, if nobody restarts it.",
  plot_say_flat: "At most {most} of {budget}; it does not grow to speak of.", plot_say_short: "At most {most} of {budget}. Too little was sold between two starts to tell a slope.",
  plot_say_response: "From the card to the end of the sale, of {count|sale|sales}.", plot_say_response_left: "{count|sale|sales} more at other levels are too few to tell.",
  plot_spread_acceptance_percent: "Acceptance, over all runs", plot_spread_availability_percent: "Availability, over all runs",
  plot_spread_leak_bytes_per_sale: "Growth of memory with each sale, over all runs", plot_spread_value_at_risk_yuan: "Money at risk, over all runs",
  plot_say_spread: "{runs|run|runs}: from {least} to {most}; half at most {median}, 95 in 100 at most {p95}.",
  plot_say_runs: "Of each run the time within which 95 of its 100 sales are over.",
  plot_say_acceptance: "{paid} of {came|customer|customers} left having paid; {declined|was|were} declined by the host.",
  plot_left_out: "{count|more terminal is|more terminals are} not drawn.",
  said_no_history: "The course of the run cannot be drawn: {text}", said_history_long: "The course of the run is not drawn: {what} holds {count} MiB",
  plots_none_run: "Not drawn, as nothing of it was measured:", plots_none_runs: "Free space, memory and the course of a day are those of one run: the page of a finding has them, and the report of harness run --out.",
  plot_none_free_space: "free space (no volume was measured)", plot_none_memory: "memory (not sampled twice)",
  plot_none_response_by_fill: "response times (fewer than 20 sales at every fill level)", plot_none_acceptance: "customers over the day (nobody came while shops were open)",
}, {
  plots_of_terminal: "该终端在整个运行期间", plot_free_space: "剩余空间", plot_memory: "内存", plot_response_by_fill: "不同存储占用下的交易用时",
  plot_acceptance: "一天中各小时的顾客", plot_response_over_runs: "各次运行中最慢的交易，按存储占用",
  plot_of: "对象", plot_time: "虚拟时间", plot_bytes_free: "剩余", plot_bytes_held: "占用", plot_seconds: "秒", plot_customers: "顾客数",
  plot_hour: "一天中的小时（虚拟时间）", plot_fill: "存储占用", plot_runs: "运行次数", plot_day: "第 {day} 天", plot_all: "全部",
  plot_line_own: "剩余（不计外来占用）", plot_line_seen: "软件看到的剩余", plot_line_measured: "占用",
  plot_line_forecast: "照此下去且无人重启", plot_line_budget: "总量", plot_line_p50: "半数交易在此之内完成",
  plot_line_p95: "95 % 的交易在此之内完成", plot_line_median_run: "半数运行不超过", plot_line_p95_run: "95 % 的运行不超过",
  plot_line_paid: "已付款", plot_line_declined: "被主机拒绝", plot_line_unpaid: "未付款离开",
  plot_mark_settlement: "结算", plot_mark_full: "存满", plot_mark_power_loss: "断电", plot_mark_died: "软件终止", plot_mark_fault: "故障",
  plot_span: "故障持续期间", plot_sales: "{count} 笔", plot_runs_count: "{count} 次运行",
  plot_say_space: "最少时剩余 {least}，共 {total}。只在各点测量，点与点之间未知。",
  plot_say_watched: "最少时剩余 {least}，共 {total}。在该终端的每个事件之后观察。", plot_line_watched: "软件看到的剩余", plot_say_dies: "每笔交易增长 {bytes}，若无人重启，第 {day} 天耗尽。",
  plot_say_flat: "最多占用 {most}，共 {budget}；没有明显增长。", plot_say_short: "最多占用 {most}，共 {budget}。两次启动之间交易太少，无法判断增长。",
  plot_say_response: "从出示卡到交易结束，共 {count} 笔。", plot_say_response_left: "其他占用水平另有 {count} 笔，数量太少。",
  plot_spread_acceptance_percent: "成交率（全部运行）", plot_spread_availability_percent: "可用率（全部运行）",
  plot_spread_leak_bytes_per_sale: "每笔交易的内存增长（全部运行）", plot_spread_value_at_risk_yuan: "风险金额（全部运行）",
  plot_say_spread: "{runs} 次运行：从 {least} 到 {most}；半数不超过 {median}，95 % 不超过 {p95}。",
  plot_say_runs: "每次运行中 95 % 的交易完成所需的时间。",
  plot_say_acceptance: "{came} 位顾客中 {paid} 位付款离开；{declined} 位被主机拒绝。",
  plot_left_out: "另有 {count} 台终端未画出。",
  said_no_history: "无法画出运行经过：{text}", said_history_long: "未画出运行经过：{what} 有 {count} MiB",
  plots_none_run: "以下没有测得数据，未画出：", plots_none_runs: "剩余空间、内存和一天的经过只属于单次运行：见问题详情页，或 harness run --out 的报告。",
  plot_none_free_space: "剩余空间（没有测量任何卷）", plot_none_memory: "内存（采样不足两次）",
  plot_none_response_by_fill: "交易用时（各占用水平均不足 20 笔）", plot_none_acceptance: "一天中的顾客（营业期间无人到来）",
});

const PLOTS_OF_A_RUN = ["free_space", "memory", "response_by_fill", "acceptance"];
const HOUR = 3600e6;
const DAY = 24 * HOUR;
const TIME_STEPS = [HOUR / 4, HOUR / 2, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].map((days) => days * DAY)];
const BYTE_STEPS = Array.from({ length: 50 }, (_, power) => 2 ** power);
const COUNT_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6];
const MARKS = { settlement: "--good", full: "--doubt", power_loss: "--bad", died: "--bad", fault: "--bad" };
const plotsAlive = new Set();

// All plots of a run or of many: one of a kind, with a choice of terminal where there are several. Of many runs also how measures
// that people ask for first are spread over them.
function drawPlots(series, kind, spreads) {
  const kinds = new Map();
  const spread = SPREADS.map((name) => (spreads || []).find((each) => each.name === name && (each.steps || []).length && each.most > each.least)).filter(Boolean);
  for (const each of [...(series || []), ...spread.map((each) => ({ code: `spread_${each.name}`, spread: each }))]) kinds.set(each.code, [...(kinds.get(each.code) || []), each]);
  const known = [...kinds.values()].filter((of) => plotterOf(of[0]));
  const missing = PLOTS_OF_A_RUN.filter((code) => !kinds.has(code));
  const ofRuns = ["sweep", "gate", "bundle"].includes(kind);
  return el("div", { class: "plots-all" },
    known.length > 0 && el("div", { class: "plots" }, known.map(drawKind)),
    ofRuns ? el("p", { class: "hint" }, t("plots_none_runs"))
      : kind !== "untold" && missing.length > 0 && el("p", { class: "hint none" }, t("plots_none_run"), " ", missing.map((code) => t(`plot_none_${code}`)).join(", "), "."));
}

function drawKind(of) {
  const code = of[0].code;
  const body = el("div", {});
  const choice = of.length > 1 && el("select", { "aria-label": t("plot_of"), onchange: () => redraw() },
    of.map((each, place) => el("option", { value: String(place) }, say(each.subject).textContent)));
  const redraw = () => append(clear(body), [drawPlot(of[choice ? Number(choice.value) : 0])]);
  redraw();
  return el("figure", { class: "plot", "data-code": code },
    el("figcaption", {}, el("h3", {}, t(`plot_${code}`)), choice || (of[0].subject && say(of[0].subject))),
    body, of[0].left_out > 0 && (code === "free_space" || code === "memory") && el("p", { class: "hint" }, t("plot_left_out", { count: of[0].left_out })));
}

function drawPlot(series) {
  const plan = plotterOf(series)(series);
  const canvas = el("div", { class: "canvas", role: "img", "aria-label": `${t(`plot_${series.code}`)} ${plan.words}` });
  const values = plan.keys.map(() => el("span", { class: "value" }));
  const keys = el("div", { class: "keys" }, plan.keys.map((key, place) => el("span", { class: `key ${key.shape || "line"}` },
    swatch(key), key.label, values[place])));
  const around = el("p", { class: "around" });
  whenLaidOut(canvas, (width) => makePlot(canvas, width, plan, (x) => {
    plan.keys.forEach((key, place) => { values[place].textContent = x !== null && key.at ? key.at(x) : ""; });
    clear(around);
    if (x !== null && plan.around) append(around, plan.around(x));
  }));
  return [el("p", { class: "words" }, plan.words), canvas, keys, around];
}

// A plot is made once its place is known, and made wider or narrower with it.
function whenLaidOut(canvas, make) {
  let plot = null;
  const watcher = new ResizeObserver(() => requestAnimationFrame(() => {
    for (const each of plotsAlive) if (!each.root.isConnected) { each.destroy(); plotsAlive.delete(each); }
    if (!canvas.isConnected) { watcher.disconnect(); return; }
    const width = Math.floor(canvas.clientWidth);
    if (!width) return;
    if (!plot) { plot = make(width); plotsAlive.add(plot); canvas.dataset.drawn = "yes"; }
    else if (plot.width !== width) plot.setSize({ width, height: plot.height });
  }));
  watcher.observe(canvas);
}

function makePlot(canvas, width, plan, pointed) {
  const ink = colour("--soft");
  const axis = { stroke: ink, grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 }, font: "11px system-ui, sans-serif", labelFont: "11px system-ui, sans-serif", labelSize: 18 };
  return new uPlot({
    width, height: Math.round(Math.min(240, Math.max(180, width * 0.5))), legend: { show: false }, padding: [10, 26, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { show: plan.pointed !== false } },
    scales: { x: { time: false, range: plan.xRange }, y: { range: plan.yRange } },
    axes: [{ ...axis, size: 30, label: plan.xLabel, space: plan.xSpace || 60, ...plan.xAxis }, { ...axis, label: plan.yLabel, size: plan.yWidth || 46, ...plan.yAxis }],
    series: [{}, ...plan.lines],
    hooks: {
      drawClear: [(plot) => plan.below && plan.below(plot)],
      draw: [(plot) => plan.above && plan.above(plot)],
      setCursor: [(plot) => pointed(plot.cursor.left >= 0 ? plot.posToVal(plot.cursor.left, "x") : null)],
    },
  }, plan.data, canvas);
}

// A scale that can be drawn: numbers with an end, the second above the first by more than what is lost in rounding.
function scale(low, high) {
  const least = Math.max(-9e15, Math.min(9e15, low || 0)), most = Math.max(-9e15, Math.min(9e15, high || 0));
  return [least, most > least + Math.abs(least) * 1e-9 ? most : least + Math.max(1, Math.abs(least) * 1e-6)];
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function swatch(key) {
  const mark = svg("svg", { class: "swatch", viewBox: "0 0 18 10", "aria-hidden": "true" });
  const fill = colour(key.colour);
  if (key.shape === "area") append(mark, [svg("rect", { x: 1, y: 0, width: 16, height: 10, fill, "fill-opacity": key.faint || 1 })]);
  else if (key.shape === "tick") append(mark, [svg("path", { d: "M9 1 L13 9 L5 9 Z", fill })]);
  else if (key.shape === "upright") append(mark, [svg("path", { d: "M9 0 V10", stroke: fill, "stroke-width": 2, "stroke-dasharray": key.dash ? "3 2" : "none" })]);
  else append(mark, [!key.bare && svg("path", { d: "M0 5 H18", stroke: fill, "stroke-width": 2, "stroke-dasharray": key.dash ? "4 3" : "none" }), key.points && svg("circle", { cx: 9, cy: 5, r: 3, fill })].filter(Boolean));
  return mark;
}

// ---------------------------------------------------------------- over time

function lineOf(series, code) {
  return (series.lines || []).find((each) => each.code === code);
}

function figureOf(series, code) {
  const found = (series.figures || []).find((each) => each.code === code);
  return found && found.value;
}

// Lines of their own points on one axis; a line goes on over the points of others.
function joined(lines) {
  return uPlot.join(lines.map((line) => [line.xs, line.ys]));
}

// The value at the nearest point; of steps, the one that holds since.
function nearest(line, x) {
  if (line.code === "watched") return line.ys[line.xs.findLastIndex((each) => each <= x)] ?? line.ys[0];
  let best = 0;
  line.xs.forEach((each, place) => { if (Math.abs(each - x) < Math.abs(line.xs[best] - x)) best = place; });
  return line.ys[best];
}

function overTime(series, lines, looks) {
  const last = Math.max(...lines.map((line) => line.xs[line.xs.length - 1]), ...(series.marks || []).map((mark) => mark.x));
  const first = Math.min(...lines.map((line) => line.xs[0]), ...(series.marks || []).map((mark) => mark.x));
  const marks = series.marks || [];
  const spans = series.spans || [];
  const codes = Object.keys(MARKS).filter((code) => marks.some((mark) => mark.code === code));
  const highest = Math.max(...lines.flatMap((line) => line.ys), series.y_most || 0);
  return {
    data: joined(lines),
    lines: looks.map((look) => ({
      stroke: colour(look.colour), width: look.bare ? 0 : 1.5, dash: look.dash ? [5, 4] : undefined, spanGaps: true,
      paths: look.steps ? uPlot.paths.stepped({ align: 1 }) : undefined,
      points: { show: Boolean(look.points), size: 6, fill: colour(look.colour), stroke: colour(look.colour) },
    })),
    xRange: () => scale(first, last <= first ? first + HOUR : last + (last - first) * 0.01),
    yRange: () => scale(0, highest * 1.05),
    xLabel: t("plot_time"), xSpace: 70, yWidth: 62,
    xAxis: { incrs: TIME_STEPS, values: (_, splits) => splits.map(timeLabel) },
    yAxis: { incrs: BYTE_STEPS, values: (_, splits) => splits.map((each) => bytes(each)) },
    keys: [
      ...lines.map((line, place) => ({ ...looks[place], label: t(`plot_line_${line.code}`), at: (x) => bytes(nearest(line, x)) })),
      ...codes.map((code) => ({ colour: MARKS[code], shape: code === "full" ? "tick" : "upright", dash: code === "settlement", label: t(`plot_mark_${code}`) })),
      ...(spans.length > 0 ? [{ colour: "--doubt", shape: "area", faint: 0.16, label: t("plot_span") }] : []),
    ],
    around: (x) => [clock(x, false), ...spans.filter((span) => span.x <= x && x <= span.x_end).slice(0, 4).flatMap((span) => [" · ", say(span.text)])],
    below: (plot) => spans.forEach((span) => band(plot, span)),
    above: (plot) => marks.forEach((mark) => stroke(plot, mark)),
  };
}

function timeLabel(us, place) {
  const ofDay = us % DAY;
  if (ofDay === 0) return t("plot_day", { day: 1 + us / DAY });
  const minutes = Math.round(ofDay / 60e6);
  return `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
}

function band(plot, span) {
  const { ctx, bbox } = plot;
  const from = Math.max(bbox.left, plot.valToPos(span.x, "x", true));
  const until = Math.min(bbox.left + bbox.width, plot.valToPos(span.x_end === undefined ? plot.scales.x.max : span.x_end, "x", true));
  if (until < from) return;
  ctx.save();
  ctx.globalAlpha = 0.16;
  ctx.fillStyle = colour("--doubt");
  ctx.fillRect(from, bbox.top, Math.max(1, until - from), bbox.height);
  ctx.restore();
}

function stroke(plot, mark) {
  const { ctx, bbox } = plot;
  const x = Math.round(plot.valToPos(mark.x, "x", true));
  const scale = devicePixelRatio || 1;
  if (x < bbox.left || x > bbox.left + bbox.width || !MARKS[mark.code]) return;
  const bottom = bbox.top + bbox.height;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour(MARKS[mark.code]);
  ctx.lineWidth = scale;
  ctx.beginPath();
  if (mark.code === "full") {
    ctx.moveTo(x, bottom - 7 * scale);
    ctx.lineTo(x + 4 * scale, bottom);
    ctx.lineTo(x - 4 * scale, bottom);
    ctx.fill();
  } else {
    ctx.setLineDash(mark.code === "settlement" ? [4 * scale, 3 * scale] : []);
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bottom);
    ctx.stroke();
  }
  ctx.restore();
}

function freeSpace(series) {
  const watched = lineOf(series, "watched");
  const looks = { watched: { colour: "--accent", steps: true }, own: { colour: watched ? "--soft" : "--accent", points: true, bare: Boolean(watched) }, seen: { colour: "--h5", points: true, bare: true } };
  const lines = (series.lines || []).filter((line) => looks[line.code]);
  const least = Math.min(...lines.flatMap((line) => line.ys));
  return { ...overTime(series, lines, lines.map((line) => looks[line.code])), words: t(watched ? "plot_say_watched" : "plot_say_space", { least: bytes(least), total: bytes(series.y_most || 0) }) };
}

function memory(series) {
  const measured = lineOf(series, "measured");
  const forecast = lineOf(series, "forecast");
  const lines = [measured];
  const looks = [{ colour: "--accent", points: measured.xs.length < 80 }];
  if (forecast) {
    lines.push(forecast);
    looks.push({ colour: "--bad", dash: true });
  }
  const budget = figureOf(series, "budget_bytes") || 0;
  const slope = figureOf(series, "slope_bytes_per_sale");
  const day = figureOf(series, "dies_on_day");
  const most = bytes(Math.max(...measured.ys));
  if (series.y_most) {
    lines.push({ code: "budget", xs: [0, Math.max(...lines.flatMap((line) => line.xs))], ys: [budget, budget] });
    looks.push({ colour: "--soft", dash: true });
  }
  const words = slope === undefined ? t("plot_say_short", { most, budget: bytes(budget) })
    : day === undefined ? t("plot_say_flat", { most, budget: bytes(budget) })
      : t("plot_say_dies", { bytes: bytes(Math.round(slope)), day });
  return { ...overTime(series, lines, looks), words };
}

// ---------------------------------------------------------------- by level and by hour

function barLook(name, align, faint) {
  return { stroke: colour(name), fill: colour(name), width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: align ? [0.36, 46] : [0.7, 46], align: align || 0 }), alpha: faint ? 0.45 : 1 };
}

function levelLabel(levels, place) {
  const level = levels[place];
  const next = [0, 10, 50, 90, 99, 100];
  return level < 0 ? t("plot_all") : level === 99 ? "≥ 99 %" : `${level}–${next[next.indexOf(level) + 1]} %`;
}

function byLevel(series, low, high, counted, countLabel, words) {
  const [lows, highs, counts] = [lineOf(series, low), lineOf(series, high), lineOf(series, counted)];
  const levels = lows.xs;
  const places = levels.map((_, place) => place);
  const at = (line) => (x) => { const y = line.ys[Math.max(0, Math.min(levels.length - 1, Math.round(x)))]; return `${number(y, 1)} s`; };
  return {
    words, pointed: false,
    data: [places, lows.ys, highs.ys],
    lines: [barLook("--accent", -1, true), barLook("--accent", 1)],
    xRange: () => scale(-0.5, levels.length - 0.5), yRange: () => scale(0, Math.max(...highs.ys, ...lows.ys) * 1.2),
    xLabel: t("plot_fill"), yLabel: t("plot_seconds"),
    xAxis: { splits: () => places, grid: { show: false }, size: 44, values: (_, splits) => splits.map((place) => `${levelLabel(levels, place)}\n${t(countLabel, { count: counts.ys[place] })}`) },
    keys: [{ colour: "--accent", shape: "area", faint: 0.45, label: t(`plot_line_${low}`), at: at(lows) }, { colour: "--accent", shape: "area", label: t(`plot_line_${high}`), at: at(highs) }],
    above: (plot) => [lows, highs].forEach((line, side) => line.ys.forEach((y, place) => {
      const { ctx } = plot;
      const scale = devicePixelRatio || 1;
      ctx.save();
      ctx.fillStyle = colour("--ink");
      ctx.font = `${11 * scale}px system-ui, sans-serif`;
      ctx.textAlign = side === 0 ? "right" : "left";
      ctx.fillText(number(y, 1), plot.valToPos(place, "x", true) + (side === 0 ? -4 : 4) * scale, plot.valToPos(y, "y", true) - 4 * scale);
      ctx.restore();
    })),
  };
}

function responseByFill(series) {
  const sold = lineOf(series, "sales").ys.reduce((sum, each) => sum + each, 0);
  const left = series.left_out ? ` ${t("plot_say_response_left", { count: series.left_out })}` : "";
  return byLevel(series, "p50", "p95", "sales", "plot_sales", t("plot_say_response", { count: sold }) + left);
}

function responseOverRuns(series) {
  return byLevel(series, "median_run", "p95_run", "runs", "plot_runs_count", t("plot_say_runs"));
}

function acceptance(series) {
  const [came, paid, declined] = ["came", "paid", "declined"].map((code) => lineOf(series, code));
  const sum = (line) => line.ys.reduce((total, each) => total + each, 0);
  const hours = came.xs;
  const at = (value) => (x) => { const place = hours.indexOf(Math.round(x)); return place < 0 ? "" : number(value(place)); };
  return {
    words: t("plot_say_acceptance", { came: sum(came), paid: sum(paid), declined: sum(declined) }), pointed: false,
    data: [hours, came.ys, paid.ys.map((each, place) => each + declined.ys[place]), paid.ys],
    lines: [barLook("--bad"), barLook("--doubt"), barLook("--accent")],
    xRange: () => scale(hours[0] - 0.6, hours[hours.length - 1] + 0.6), yRange: () => scale(0, Math.max(...came.ys) * 1.08),
    xLabel: t("plot_hour"), yLabel: t("plot_customers"), xSpace: 28,
    xAxis: { incrs: [1, 2, 3, 6], grid: { show: false } },
    yAxis: { incrs: COUNT_STEPS, values: (_, splits) => splits.map((each) => number(each)) },
    keys: [
      { colour: "--accent", shape: "area", label: t("plot_line_paid"), at: at((place) => paid.ys[place]) },
      { colour: "--doubt", shape: "area", label: t("plot_line_declined"), at: at((place) => declined.ys[place]) },
      { colour: "--bad", shape: "area", label: t("plot_line_unpaid"), at: at((place) => came.ys[place] - paid.ys[place] - declined.ys[place]) },
    ],
    around: (x) => [`${String(Math.round(x)).padStart(2, "0")}:00`],
  };
}

// How many runs had a measure of so much, in equal steps.
function overRuns(series) {
  const { steps, least, most, median, p95, runs, threshold, name } = series.spread;
  const width = (most - least) / steps.length;
  const middles = steps.map((_, place) => least + (place + 0.5) * width);
  const at = (x) => { const place = Math.floor((x - least) / width); return place < 0 || place >= steps.length ? "" : t("plot_runs_count", { count: steps[place] }); };
  const asked = threshold !== undefined && threshold !== null && threshold >= least && threshold <= most;
  return {
    words: t("plot_say_spread", { runs, least: number(least), median: number(median), p95: number(p95), most: number(most) }), pointed: false,
    data: [middles, steps],
    lines: [{ ...barLook("--accent"), paths: uPlot.paths.bars({ size: [0.9, 40] }) }],
    xRange: () => scale(least, most), yRange: () => scale(0, Math.max(...steps) * 1.08),
    xLabel: name, yLabel: t("plot_runs"), xSpace: 50,
    xAxis: { grid: { show: false }, values: (_, splits) => splits.map((each) => number(each, Math.max(0, Math.ceil(-Math.log10((splits[1] || 1) - splits[0]) - 0.01)))) },
    yAxis: { incrs: COUNT_STEPS, values: (_, splits) => splits.map((each) => number(each)) },
    keys: [{ colour: "--accent", shape: "area", label: t("plot_runs"), at }, ...(asked ? [{ colour: "--bad", shape: "upright", label: t("asked") }] : [])],
    above: (plot) => asked && stroke(plot, { x: threshold, code: "fault" }),
  };
}

function plotterOf(series) {
  return series.spread ? overRuns : PLOTTERS[series.code];
}

const SPREADS = ["acceptance_percent", "availability_percent", "leak_bytes_per_sale", "value_at_risk_yuan"];
const PLOTTERS = { free_space: freeSpace, memory, response_by_fill: responseByFill, response_over_runs: responseOverRuns, acceptance };
