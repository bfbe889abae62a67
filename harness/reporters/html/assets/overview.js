// The overview: verdict, what it means and does not, faults by invariants, findings by kind, measures, runs.

// #overview/cell/power_loss/1 shows the findings of one cell of the heat map alone; - is no fault.
function drawOverview(report, rest) {
  const root = el("div", { class: "overview" });
  const findings = card(t("findings_title"));
  findings.id = "findings";
  append(root, [
    drawVerdict(report),
    el("div", { class: "columns" }, drawBound(report), drawUnchecked(report)),
    drawMatrix(report, (cell) => {
      history.replaceState(null, "", `#overview/cell/${encodeURIComponent(cell.fault || "-")}/${cell.invariant}`);
      drawFindings(report, findings, cell);
      findings.scrollIntoView({ behavior: "smooth", block: "start" });
    }),
    drawCuts(report),
    findings,
    report.kind !== "crashpoints" && drawMeasures(report),
    drawRuns(report),
    drawFacts(report),
  ]);
  drawFindings(report, findings, rest[0] === "cell" ? cellAt(report, rest[1], Number(rest[2])) : null);
  return root;
}

function cellAt(report, fault, invariant) {
  const cells = (report.matrix || {}).cells || [];
  return cells.find((each) => encodeURIComponent(each.fault || "-") === fault && each.invariant === invariant) || null;
}

// ---------------------------------------------------------------- verdict and bound

function drawVerdict(report) {
  const verdict = report.verdict;
  const reasons = (title, list) => list && list.length > 0 && el("div", { class: "reasons" }, el("h3", {}, title),
    el("ul", {}, list.slice(0, 12).map((each) => el("li", {}, sentence(each), each.code === "said" && each.what && el("small", { class: "key" }, " [", say(each.what), "]"), each.again && copyLine(each.again)))));
  return el("section", { class: `card verdict ${verdict.status}` },
    el("div", { class: "headline" },
      el("span", { class: "badge", role: "status" }, t(`status_${verdict.status}`)),
      el("div", {}, el("h1", {}, say(report.title)), el("p", {}, t(`means_${verdict.status}`)))),
    reasons(t("because"), verdict.because), reasons(t("waived"), verdict.waived),
    drawTiles(report));
}

// What happens on any day is no fault that somebody planned: it neither strikes nor bites.
function isPlanned(fault) {
  return Boolean(fault.kind) && fault.kind !== NO_REPLY;
}

function drawTiles(report) {
  const total = report.runs && report.runs.total;
  const signatures = report.signatures || [];
  const stake = signatures.reduce((sum, each) => sum + (each.money_fen || 0), 0);
  const faults = ((report.matrix || {}).faults || []).filter(isPlanned);
  const bit = faults.filter((each) => each.bit).length;
  const bound = report.bound;
  const tile = (what, value, kind) => el("div", { class: `tile ${kind || ""}` }, el("b", {}, value), el("span", {}, t(what)));
  return el("div", { class: "tiles" },
    total && tile("tile_runs", number((total.passed || 0) + (total.failed || 0) + (total.inconclusive || 0) + (total.errors || 0))),
    total && tile("tile_failed", number(total.failed || 0), total.failed ? "bad" : ""),
    tile("tile_signatures", number(signatures.length), signatures.length ? "bad" : ""),
    stake > 0 && tile("tile_money", new Intl.NumberFormat("en", { maximumFractionDigits: 0 }).format(stake / 100), "bad"),
    faults.length > 0 && tile("tile_bit", `${number(bit)} / ${number(faults.length)}`),
    bound && bound.terminal_days > 0 && tile("tile_days", number(bound.terminal_days)),
    bound && typeof bound.upper_95 === "number" && tile("tile_bound", percent(bound.upper_95)));
}

function drawBound(report) {
  const bound = report.bound;
  if (!bound) return null;
  const values = { failed: bound.failed, runs: bound.conclusive, bound: percent(bound.upper_95 || 0) };
  const bounded = typeof bound.upper_95 === "number";
  const words = bounded ? t(bound.upper_95 > 0.995 ? "bound_high" : bound.failed ? "bound_is" : "bound_zero", values) : t(`bound_none_${bound.why_none || "nothing"}`, values);
  const of = bound.scenario
    ? t("bound_of", { scenario: bound.scenario, terminals: bound.terminals || 0, seed: String(bound.first_seed || 0) })
    : bounded && t("bound_of_all");
  return card(t("bound_title"), el("p", { class: "lead" }, words), bounded && drawScale(bound),
    of && el("p", {}, of), bound.inconclusive > 0 && el("p", {}, t("bound_inconclusive", { count: bound.inconclusive })),
    bound.shard && el("p", {}, t("bound_shard", { number: bound.shard[0], count: bound.shard[1] })));
}

// The share that failed, and how much larger it may be, on a scale of powers of ten.
function drawScale(bound) {
  const place = (share) => 100 * Math.max(0, Math.min(1, (Math.log10(Math.max(share, 1e-5)) + 5) / 5));
  const rate = bound.failed / Math.max(1, bound.conclusive);
  const from = bound.failed ? place(rate) : 0;
  const picture = svg("svg", { class: "scale", viewBox: "0 0 600 46", role: "img", "aria-hidden": "true" },
    svg("rect", { x: 0, y: 8, width: 600, height: 8, rx: 4, class: "track" }),
    svg("rect", { x: 6 * from, y: 8, width: Math.max(4, 6 * (place(bound.upper_95) - from)), height: 8, class: "range" }),
    bound.failed > 0 && svg("circle", { cx: 6 * from, cy: 12, r: 6, class: "seen" }),
    [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1].map((share) => svg("text", { class: share === 1e-4 || share === 1e-2 ? "minor" : "",
      x: 6 * place(share), y: 38, "text-anchor": share === 1e-5 ? "start" : share === 1 ? "end" : "middle",
    }, `${number(100 * share, 3)} %`)));
  return picture;
}

function drawUnchecked(report) {
  const all = report.unchecked || [];
  const groups = new Map();
  for (const each of all) groups.set(each.code, [...(groups.get(each.code) || []), each]);
  const why = (each) => {
    const code = /^@(\w+)$/.exec(each.why || "");
    return code ? sentence({ code: code[1], count: each.count, what: each.what }) : each.why && say(each.why);
  };
  const entry = (each) => el("li", {}, each.what && say(each.what, "b"), each.what && each.why && " – ", why(each));
  return card(t("unchecked_title"),
    all.length === 0 && el("p", {}, t("unchecked_nothing")),
    [...groups].map(([code, list]) => {
      const count = list.length === 1 && list[0].count ? list[0].count : list.length;
      return el("details", { open: list.length <= 3 && code !== "not_planned" ? true : null },
        el("summary", {}, t(`unchecked_${code}`), el("span", { class: "count" }, number(count))),
        el("ul", {}, shortened(list, 60, entry)));
    }),
    (report.verdict.checked || []).length > 0 && el("details", {}, el("summary", {}, t("checked", { count: report.verdict.checked.length })),
      el("p", { class: "names" }, report.verdict.checked.map((each) => [say(each, "code"), " "]))));
}

// ---------------------------------------------------------------- faults by invariants

const STEPS = [1, 3, 10, 30, 100, 300];

function step(count) {
  return 1 + STEPS.filter((each) => count > each).length;
}

function drawMatrix(report, choose) {
  const matrix = report.matrix || {};
  const faults = matrix.faults || [];
  const cells = new Map((matrix.cells || []).map((each) => [`${each.fault}\n${each.invariant}`, each]));
  const violated = new Set((matrix.cells || []).map((each) => each.invariant));
  const root = card(t("matrix_title"));
  if (!faults.some((each) => each.kind)) append(root, [el("p", {}, t("matrix_no_faults"))]);
  const biting = faults.filter((each) => each.kind && each.bit);
  if (cells.size === 0 && biting.length > 0) {
    append(root, [el("p", { class: "lead" }, t("matrix_none", { faults: biting.length, bites: biting.reduce((sum, each) => sum + each.bit, 0) }))]);
  }
  if (faults.length === 0) return root;
  let every = violated.size === 0;
  const guilty = new Set((matrix.cells || []).map((each) => each.fault));
  const silent = faults.filter((each) => each.bit && !guilty.has(each.kind));
  let folded = guilty.size > 0 && silent.length > 3;
  const place = el("div", {});
  let listed = violated.size === 0 && biting.length > 0;
  const draw = () => {
    if (listed) {
      append(clear(place), [faultList(faults), el("button", { type: "button", class: "link", onclick: () => { listed = false; draw(); } }, t("matrix_columns"))]);
      return;
    }
    const columns = (matrix.invariants || []).filter((each) => every || violated.has(each.number));
    append(clear(place), [
      violated.size > 0 && el("p", { class: "hint" }, t("matrix_hint"), " ", el("button", { type: "button", class: "link", onclick: () => { every = !every; draw(); } },
        every ? t("matrix_found") : t("matrix_all", { count: (matrix.invariants || []).length }))),
      box(matrixTable(folded ? faults.filter((each) => !silent.includes(each)) : faults, columns, cells, choose)),
      folded && el("button", { type: "button", class: "link silent", onclick: () => { folded = false; draw(); } }, t("matrix_idle", { count: silent.length })),
      violated.size > 0 && matrixLegend(),
    ]);
  };
  draw();
  return append(root, [place]);
}

// Without a finding the table would be blank: how often each fault had an effect is all that there is to see.
function faultList(faults) {
  const most = Math.max(1, ...faults.map((each) => each.bit || 0));
  return el("div", { class: "faultlist" }, faults.filter((each) => each.kind).map((each) => el("div", { title: `${each.family} · ${t("matrix_runs", { count: each.runs || 0 })} · ${number(each.struck || 0)} ${t("matrix_struck")}` },
    el("span", {}, say(each.kind), faultName(each.kind) && el("small", {}, ` ${faultName(each.kind)}`)),
    each.bit ? el("b", {}, number(each.bit)) : el("b", { class: "never" }, t("matrix_never_bit")),
    svg("svg", { class: "bar", viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("rect", { x: 0, y: 0, height: 4, width: each.bit ? Math.max(1, (100 * each.bit) / most) : 0, class: "bites" })))));
}

function matrixTable(faults, columns, cells, choose) {
  const name = (each) => each.number ? `${each.number} ${each.name}` : t("threshold");
  const head = el("tr", {}, el("th", { class: "fault" }, t("matrix_fault")), el("th", { class: "number" }, t("matrix_bit")),
    columns.map((each) => el("th", { class: `invariant${each.checked === false ? " unchecked" : ""}`, title: promiseOf(each) || each.name },
      el("span", {}, each.number ? `${each.number} ` : "", breakable(each.number ? each.name : t("threshold"))))));
  const row = (fault) => {
    const planned = isPlanned(fault);
    const idle = planned && fault.runs > 0 && !fault.bit;
    const label = fault.kind ? [say(fault.kind), faultName(fault.kind) && el("small", {}, ` ${faultName(fault.kind)}`)] : t("matrix_no_fault");
    return el("tr", { class: idle ? "idle" : null },
      el("th", { class: "fault", scope: "row", title: planned ? `${fault.family} · ${t("matrix_runs", { count: fault.runs || 0 })}` : null }, label),
      el("td", { class: "number", title: planned ? `${number(fault.struck || 0)} ${t("matrix_struck")}` : null },
        planned ? (idle ? el("span", { class: "never" }, t("matrix_never_bit")) : number(fault.bit || 0)) : fault.kind ? t("tile_none") : ""),
      columns.map((each) => {
        const cell = cells.get(`${fault.kind}\n${each.number}`);
        if (!cell) return el("td", { class: `cell ${idle ? "idle" : each.checked === false ? "unchecked" : ""}`, title: `${fault.kind || t("matrix_no_fault")} × ${name(each)}: ${t(idle ? "matrix_never_bit" : each.checked === false ? "matrix_unchecked" : "matrix_empty_cell")}` });
        const told = `${fault.kind || t("matrix_no_fault")} × ${name(each)}: ${t("matrix_cell", { count: cell.findings, runs: cell.runs })}`;
        return el("td", { class: `cell heat h${step(cell.findings)}` },
          el("button", { type: "button", title: told, "aria-label": told, onclick: () => choose(cell) }, number(cell.findings)));
      }));
  };
  return el("table", { class: `matrix${columns.length < 10 ? " wide" : ""}` }, el("thead", {}, head), el("tbody", {}, faults.map(row)));
}

// A name that may be broken after each underscore.
function breakable(name) {
  const shown = say("");
  String(name).split(/(?<=_)/).forEach((part, place) => append(shown, [place > 0 && el("wbr"), part]));
  return shown;
}

function matrixLegend() {
  const names = STEPS.map((each, place) => (place === 0 ? "1" : `${STEPS[place - 1] + 1}–${each}`));
  return el("p", { class: "legend" }, t("matrix_legend"), [...names, `> ${STEPS[STEPS.length - 1]}`].map((each, place) => el("span", { class: `heat h${place + 1}` }, each)));
}

// ---------------------------------------------------------------- crash points

// Of each flow the steps in their order, by medium: from how many of the states that a cut there may leave harm came.
function drawCuts(report) {
  const cuts = report.cuts || [];
  if (!cuts.length) return null;
  const names = ["> 0 – 10 %", "– 20 %", "– 40 %", "– 60 %", "– 80 %", "– 99 %", "100 %"];
  return card(t("cuts_title"), el("p", { class: "hint" }, t("cuts_hint")),
    cuts.map((flow) => el("details", { class: "cuts", open: (flow.cells || []).some((each) => each.failing) || cuts.length === 1 },
      el("summary", {}, el("b", {}, say(flow.flow)), " ", el("small", {}, say(flow.summary || ""))), box(cutsTable(flow)),
      flow.left_out ? el("p", { class: "hint" }, t("cuts_more", { count: flow.left_out })) : null)),
    el("p", { class: "legend" }, t("cuts_legend"), names.map((each, place) => el("span", { class: `heat h${place + 1}` }, each))));
}

function cutsTable(flow) {
  const steps = new Map();
  for (const each of flow.cells || []) {
    const key = `${each.depth || 1} ${each.step}`;
    if (!steps.has(key)) steps.set(key, { step: each.step, depth: each.depth || 1, cells: new Map() });
    steps.get(key).cells.set(each.medium, each);
  }
  const media = flow.media || [];
  const cell = (each, medium) => {
    if (!each) return el("td", { class: "cell none" }, t("cuts_none"));
    const failing = each.failing || 0, share = failing / Math.max(1, each.states);
    const heat = failing ? ` heat h${share >= 1 ? 7 : 1 + [0.1, 0.2, 0.4, 0.6, 0.8].filter((bound) => share > bound).length}` : " held";
    return el("td", { class: `cell${heat}`, title: medium }, t("cuts_cell", { failing, states: each.states }));
  };
  return el("table", { class: "matrix wide cuts-table" },
    el("thead", {}, el("tr", {}, el("th", { class: "fault" }, t("cuts_step")), media.map((each) => el("th", { class: "invariant" }, el("span", {}, say(each)))))),
    el("tbody", {}, [...steps.values()].map((row) => el("tr", {},
      el("th", { class: "fault", scope: "row" }, row.depth > 1 ? t("cuts_again", { step: row.step }) : say(row.step)),
      media.map((each) => cell(row.cells.get(each), each))))));
}

// ---------------------------------------------------------------- findings by kind

function drawFindings(report, root, cell) {
  const all = report.signatures || [];
  const chosen = cell ? all.filter((each) => each.invariant === cell.invariant && (each.points || []).some((point) => point.fault === cell.fault)) : all;
  append(clear(root), [
    el("h2", {}, t("findings_title"), el("span", { class: "count" }, number(all.length))),
    cell && el("p", { class: "hint" }, t("findings_filter", { fault: cell.fault || t("matrix_no_fault"), invariant: chosen.length && cell.invariant ? `${cell.invariant} ${chosen[0].name}` : t("threshold") }), " ",
      el("button", { type: "button", class: "link", onclick: () => { history.replaceState(null, "", "#overview"); drawFindings(report, root, null); } }, t("findings_every"))),
    all.length === 0 && el("p", {}, t("findings_none")),
    all.length > 0 && chosen.length === 0 && el("p", {}, t("findings_not_held")),
  ]);
  const fresh = chosen.filter((each) => !each.known);
  const known = chosen.filter((each) => each.known);
  if (fresh.length) append(root, [known.length > 0 && el("h3", {}, t("findings_new")), shortened(fresh, 15, drawSignature)]);
  if (known.length) append(root, [el("h3", {}, t("findings_known_title")), shortened(known, 10, drawSignature)]);
}

function drawSignature(each) {
  const points = new Map();
  for (const point of each.points || []) points.set(point.fault, [...(points.get(point.fault) || []), point]);
  const promise = promiseOf(((state.report.matrix || {}).invariants || []).find((column) => column.number === each.invariant));
  const title = [el("span", { class: "chip" }, each.invariant ? each.invariant : "≷"), say(each.name)];
  return el("article", { class: `signature${each.known ? " known" : ""}`, id: `signature-${each.signature}` },
    el("header", {},
      each.page === undefined ? el("b", {}, title) : el("a", { href: `#finding/${each.page}`, class: "open" }, title),
      el("span", { class: "counts" }, t("findings_counts", { findings: each.findings || 0, runs: each.runs || 0 }),
        each.money_fen > 0 && el("b", { class: "bad" }, ` · ${t("findings_money", { money: money(each.money_fen) })}`)),
      el("code", { class: "id" }, each.signature)),
    promise && el("p", { class: "promise" }, promise),
    el("p", { class: "summary" }, say(each.summary)),
    el("div", { class: "points" }, [...points].slice(0, 3).map(([fault, list]) => drawPoints(fault, list)),
      points.size > 3 && el("small", {}, t("findings_faults", { count: points.size - 3 }))),
    each.shrunk && el("p", { class: "points" }, t("findings_smallest", { file: "" }), say(each.shrunk, "code")),
    each.not_shrunk && el("p", { class: "points" }, t("findings_not_shrunk", { why: "" }), say(each.not_shrunk)),
    el("div", { class: "act" }, each.page !== undefined && el("a", { href: `#finding/${each.page}`, class: "button" }, t("findings_open")),
      (each.shrunk_again || each.again) && copyLine(each.shrunk_again || each.again)));
}

// Where the software was when a fault struck: the place of most runs, the others for whoever asks.
function drawPoints(fault, list) {
  const line = (point) => [point.nothing_lost && [t("findings_nothing_lost"), " "], point.place && [say(point.place, "code"), " "], el("small", {}, t("findings_points", { count: point.runs || 0 }))];
  const head = [el("span", { class: "after" }, t("findings_after", { fault: fault || t("matrix_no_fault") })), " ", line(list[0])];
  if (list.length === 1) return el("div", {}, head);
  return el("details", {}, el("summary", {}, head, " ", el("small", {}, t("findings_places", { count: list.length - 1 }))), el("ul", {}, list.slice(1).map((point) => el("li", {}, line(point)))));
}

// ---------------------------------------------------------------- measures

function drawMeasures(report) {
  const measures = report.measures || {};
  const spreads = measures.spreads || [];
  const alone = spreads.every((each) => (each.runs || 1) <= 1);
  return card(t("measures_title"),
    spreads.length === 0 && !(measures.series || []).length && el("p", {}, t("measures_none")),
    drawPlots(measures.series, (report.left_out || []).some((each) => each.code.includes("history")) ? "untold" : report.kind, spreads),
    spreads.length > 0 && box(el("table", { class: "measures" },
      el("thead", {}, el("tr", {}, el("th", {}, t("measure")), (alone ? ["value", "asked"] : ["least", "median", "p95", "most"]).map((each) => el("th", { class: "number" }, t(each))),
        !alone && el("th", {}, t("spread")))),
      el("tbody", {}, spreads.map((each) => el("tr", { class: each.missed ? "missed" : null }, el("td", {}, say(each.name, "code"), measureName(each) && el("small", {}, measureName(each))),
        (alone ? [each.most] : [each.least, each.median, each.p95, each.most]).map((value) => el("td", { class: "number" }, number(value))),
        alone && el("td", { class: "number" }, each.threshold === undefined || each.threshold === null ? "" : t(each.bound === "at least" ? "at_least" : "at_most", { value: number(each.threshold) })),
        !alone && el("td", {}, drawSteps(each))))))));
}

function drawSteps(spread) {
  const steps = spread.steps || [];
  if (!(spread.most > spread.least) || steps.length === 0) return null;
  const highest = Math.max(...steps);
  const width = 160 / steps.length;
  return svg("svg", { class: "steps", viewBox: "0 0 160 22", role: "img", "aria-hidden": "true" }, steps.map((count, place) => {
    const height = count ? Math.max(1.5, (20 * Math.log1p(count)) / Math.log1p(highest)) : 0;
    return svg("rect", { x: place * width, y: 21 - height, width: Math.max(1, width - 1), height });
  }));
}

// ---------------------------------------------------------------- runs

function drawRuns(report) {
  const runs = report.runs;
  if (!runs) return null;
  const table = (rows, first) => box(el("table", { class: "runs" },
    el("thead", {}, el("tr", {}, el("th", {}, t(first)), el("th", {}), ["of", "passed", "failed", "inconclusive", "errors"].map((each) => el("th", { class: "number" }, t(each))),
      el("th", { class: "number" }, t(first === "runs_part" ? "seconds" : "fails_below")))),
    el("tbody", {}, rows.map((each) => runsRow(each, first)))));
  const rows = runs.rows || [];
  const parts = runs.parts || [];
  const one = report.kind === "run" || report.kind === "bundle";
  if (one) return null;
  return card(t("runs_title"),
    parts.length > 0 && table(parts, "runs_part"),
    rows.length > 0 && table(rows.length > 1 ? [...rows, { ...runs.total, label: "", is_total: true }] : rows, "runs_scenario"),
    runs.left_out > 0 && el("p", { class: "hint" }, t("said_left_rows", { count: runs.left_out })),
    rows.length === 0 && parts.length === 0 && el("p", {}, t("runs_none")),
    (runs.reasons || []).length > 0 && el("div", { class: "reasons" }, el("h3", {}, t("reasons_title")),
      shortened(runs.reasons, 12, (each) => el("div", { class: "reason" }, sentence(each), each.again && copyLine(each.again)))));
}

function runsRow(each, first) {
  const seeds = (key, list) => list && list.length > 0 && el("small", {}, t(key, { seeds: list.slice(0, 12).join(", ") + (list.length > 12 ? ", …" : "") }));
  if (each.skipped) return el("tr", { class: "skipped" }, el("td", {}, say(each.label)), el("td", { colspan: "7" }, t("not_begun", { why: "" }), say(each.skipped)));
  const last = first === "runs_part" ? number(each.took_s) : typeof each.upper_95 === "number" ? percent(each.upper_95) : t((each.passed || 0) + (each.failed || 0) ? "no_bound" : "unknown");
  return el("tr", { class: each.is_total ? "total" : null },
    el("td", {}, each.is_total ? t("all") : say(each.label), each.what && el("small", {}, say(each.what)), seeds("failed_seeds", each.failed_seeds), seeds("inconclusive_seeds", each.inconclusive_seeds)),
    el("td", {}, drawBar(each)),
    [each.declared || null, each.passed || 0, each.failed || 0, each.inconclusive || 0, each.errors || 0].map((count, place) =>
      el("td", { class: `number${count && place > 1 ? ` ${["", "", "bad", "doubt", "bad"][place]}` : ""}${count ? "" : " zero"}` }, number(count))),
    el("td", { class: "number" }, last));
}

function drawBar(each) {
  const done = (each.passed || 0) + (each.failed || 0) + (each.inconclusive || 0) + (each.errors || 0);
  const all = Math.max(done, each.declared || 0, 1);
  let from = 0;
  return svg("svg", { class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("rect", { x: 0, y: 0, width: 100, height: 10, class: "track" }),
    ["passed", "failed", "inconclusive", "errors"].map((key) => {
      const width = each[key] ? Math.max(1.5, (100 * each[key]) / all) : 0;
      from += width;
      return width > 0 && svg("rect", { x: from - width, y: 0, width, height: 10, class: key });
    }));
}

function drawFacts(report) {
  const special = { swarm: (value) => t(`swarm_${value}`), replay: (value) => copyLine(value) };
  const facts = [["source", report.source], ["harness", report.harness], ...(report.facts || [])].filter(([, value]) => value);
  return card(t("facts_title"),
    el("dl", {}, facts.map(([code, value]) => [el("dt", {}, t(`fact_${code}`)), el("dd", {}, special[code] ? special[code](value) : say(value))])),
    (report.left_out || []).length > 0 && [el("h3", {}, t("left_out_title")), el("ul", {}, report.left_out.map((each) => el("li", {}, sentence(each))))]);
}
