// Lanes of virtual time, as SVG: who or what acted when, under the faults that held. Two scales: a strip of the whole day as it is,
// and the lanes, in which quiet time is short, so that a sale of ten seconds in a day of ten hours can be read.

const LANE_HEIGHT = 46;
const LANES_TOP = 30;
const GAP_LEAST = 13;
const GAP_MOST = 74;
const CROSSES = new Set(["MessageDropped", "RequestUnanswered", "PowerLost", "SoftwareDied", "StorageFailed"]);

class Lanes {
  constructor(of) {
    this.of = of;
    this.bands = of.page.bands || [];
  }

  draw(device, steps) {
    this.steps = steps;
    this.place(steps);
    const height = LANES_TOP + LANE_HEIGHT * LANE_NAMES.length + 24;
    const width = this.width;
    const bands = this.bands.filter((each) => !(each.devices || []).length || each.devices.includes(device));
    const drawing = svg("svg", { width, height, class: "lanes", role: "img", "aria-label": t("story_title") });
    LANE_NAMES.forEach((name, row) => drawing.append(svg("rect", { x: 0, y: LANES_TOP + row * LANE_HEIGHT, width, height: LANE_HEIGHT, class: row % 2 ? "lane odd" : "lane" })));
    this.drawBands(drawing, bands, height);
    this.drawTimes(drawing, height);
    if (device === this.of.device) this.drawRisk(drawing);
    this.cursor = drawing.appendChild(svg("line", { class: "cursor", x1: -10, x2: -10, y1: LANES_TOP - 8, y2: height - 20 }));
    this.drawFlights(drawing);
    this.marks = new Map();
    const taken = {};
    for (const step of steps) drawing.append(this.drawStep(step, taken));
    drawing.addEventListener("click", (event) => this.pick(event, drawing));
    this.scroller = el("div", { class: "scroll lanes-scroll", tabindex: "0", "aria-label": t("story_title") }, drawing);
    return el("div", {},
      this.drawStrip(bands, steps),
      el("div", { class: "lanes-frame" },
        el("div", { class: "lane-names" }, LANE_NAMES.map((name) => el("span", {}, t(`lane_${name}`)))), this.scroller));
  }

  // Where each event is: far enough from the last to be seen, and the further the longer nothing happened.
  place(steps) {
    this.xs = [];
    let x = 26;
    steps.forEach((step, at) => {
      if (at) {
        const waited = (step.at_us - steps[at - 1].at_us) / 1000;
        x += Math.min(GAP_MOST, GAP_LEAST + 9 * Math.log10(1 + waited / 20));
      }
      this.xs.push(x);
    });
    this.width = Math.ceil(x + 60);
  }

  // Where an instant is between two events.
  xAt(us) {
    const steps = this.steps;
    if (!steps.length || us <= steps[0].at_us) return steps.length && us === steps[0].at_us ? this.xs[0] : 6;
    let low = 0, high = steps.length - 1;
    if (us > steps[high].at_us) return this.width - 8;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (steps[middle].at_us < us) low = middle + 1; else high = middle;
    }
    if (steps[low].at_us === us) return this.xs[low];
    const before = steps[low - 1];
    return this.xs[low - 1] + (this.xs[low] - this.xs[low - 1]) * (us - before.at_us) / (steps[low].at_us - before.at_us);
  }

  drawBands(drawing, bands, height) {
    let labelled = -Infinity, row = 0;
    for (const band of [...bands].sort((a, b) => a.from_us - b.from_us)) {
      const open = band.until_us === undefined || band.until_us === null;
      const from = this.xAt(band.from_us) - 5;
      const until = Math.max(from + 10, open ? this.width : this.xAt(band.until_us) + 5);
      const dark = band.kind === "no_power";
      const shape = svg("rect", { x: from, y: LANES_TOP - 4, width: until - from, height: height - LANES_TOP - 18, class: `band ${dark ? "dark" : "fault"}${band.bit || dark ? "" : " idle"}` });
      shape.append(svg("title", {}, `${dark ? t("band_no_power") : band.kind} · ${clock(band.from_us)}${open ? "" : ` – ${clock(band.until_us)}`}${band.text ? ` · ${band.text}` : ""}`));
      drawing.append(shape);
      if (dark) continue;
      row = from < labelled ? 1 - row : 0;
      const name = band.kind.replaceAll("_", " ");
      drawing.append(svg("text", { x: from + 2, y: row ? 11 : 22, class: "band-name" }, name));
      labelled = from + 7 * name.length + 6;
    }
  }

  // The time below, where there is room for it and something to tell.
  drawTimes(drawing, height) {
    let free = -Infinity, said = -Infinity;
    this.steps.forEach((step, at) => {
      const x = this.xs[at];
      const waited = at ? step.at_us - this.steps[at - 1].at_us : Infinity;
      if (x < free || (waited < 30e6 && step.at_us - said < 60e6 && x - free < 240)) return;
      drawing.append(svg("line", { x1: x, x2: x, y1: height - 22, y2: height - 17, class: "tick" }));
      drawing.append(svg("text", { x: x - 2, y: height - 5, class: "time" }, clock(step.at_us, false).replace(/^.*?(\d\d:)/, "$1")));
      free = x + 62;
      said = step.at_us;
    });
  }

  // Along the disk: whether a power cut might have taken something then.
  drawRisk(drawing) {
    const disk = this.of.disk;
    if (!disk.known) return;
    const y = LANES_TOP + (LANE_NAMES.indexOf("disk") + 1) * LANE_HEIGHT - 7;
    const risks = disk.risks(this.steps);
    let from = 0;
    for (let at = 1; at <= this.steps.length; at += 1) {
      if (at < this.steps.length && (risks[at] > 0) === (risks[from] > 0)) continue;
      const end = at < this.steps.length ? this.xs[at] : this.width;
      drawing.append(svg("rect", { x: this.xs[from], y, width: end - this.xs[from], height: 5, class: risks[from] > 0 ? "risky" : "sound" },
        svg("title", {}, risks[from] > 0 ? t("legend_risky") : t("legend_sound"))));
      from = at;
    }
  }

  middle(lane) {
    return LANES_TOP + Math.max(0, LANE_NAMES.indexOf(lane)) * LANE_HEIGHT + 15;
  }

  // A message from when it was sent to where it arrived or was lost.
  drawFlights(drawing) {
    const sent = new Map(), y = this.middle("link");
    this.steps.forEach((step, at) => {
      if (step.message === undefined || step.message === null) return;
      if (step.kind === "MessageSent") sent.set(step.message, this.xs[at]);
      else if (sent.has(step.message)) {
        const lost = step.kind === "MessageDropped";
        drawing.append(svg("line", { x1: sent.get(step.message), x2: this.xs[at], y1: y, y2: y, class: lost ? "flight lost" : "flight" }));
      }
    });
  }

  drawStep(step, taken) {
    const at = this.steps.indexOf(step);
    const x = this.xs[at], y = this.middle(step.lane);
    const mark = svg("g", { class: `mark${step.guilty ? " guilty" : ""}${isFault(step) ? " fault" : ""}`, "data-number": step.number });
    mark.append(svg("title", {}, `${clock(step.at_us)} ${step.text}`));
    if (step.guilty) mark.append(svg("path", { d: `M${x} ${y - 8}l8 8l-8 8l-8-8z` }));
    else if (CROSSES.has(step.kind))
      mark.append(svg("path", { class: "cross", d: `M${x - 5} ${y - 5}l10 10M${x + 5} ${y - 5}l-10 10` }));
    else mark.append(svg("circle", { cx: x, cy: y, r: 4.5 }));
    const text = briefly(brief(step));
    if (text && x >= (taken[step.lane] || -Infinity)) {
      mark.append(svg("text", { x: x - 5, y: y + 21 }, text));
      taken[step.lane] = x + 6.1 * [...text].reduce((sum, each) => sum + (each > "\u2e80" ? 1.9 : 1), 0) + (step.guilty ? 16 : 8);
    }
    this.marks.set(step.number, { mark, x });
    return mark;
  }

  pick(event, drawing) {
    const on = event.target.closest("[data-number]");
    if (on) { this.of.show(Number(on.dataset.number)); return; }
    const x = event.clientX - drawing.getBoundingClientRect().left;
    let best = 0;
    this.xs.forEach((each, at) => { if (Math.abs(each - x) < Math.abs(this.xs[best] - x)) best = at; });
    if (this.steps[best]) this.of.show(this.steps[best].number);
  }

  mark(step) {
    const found = this.marks && this.marks.get(step.number);
    if (!found) return;
    if (this.current) this.current.classList.remove("current");
    this.current = found.mark;
    found.mark.classList.add("current");
    this.cursor.setAttribute("x1", found.x);
    this.cursor.setAttribute("x2", found.x);
    const box = this.scroller;
    if (found.x < box.scrollLeft + 60 || found.x > box.scrollLeft + box.clientWidth - 100) box.scrollLeft = Math.max(0, found.x - box.clientWidth / 2);
    if (this.needle) this.needle.setAttribute("x", `${this.share(step.at_us)}%`);
  }

  // ------------------------------------------------------------ the whole day, true to scale

  share(us) {
    const [from, until] = this.span;
    return Math.max(0, Math.min(100, 100 * (us - from) / Math.max(1, until - from)));
  }

  drawStrip(bands, steps) {
    if (!steps.length) return null;
    this.span = [steps[0].at_us, steps[steps.length - 1].at_us];
    const strip = svg("svg", { class: "strip", width: "100%", height: 24, role: "img", "aria-label": t("strip") });
    strip.append(svg("title", {}, t("strip")));
    strip.append(svg("rect", { x: 0, y: 4, width: "100%", height: 16, class: "lane" }));
    for (const band of bands) {
      const open = band.until_us === undefined || band.until_us === null;
      const from = this.share(band.from_us), until = open ? 100 : this.share(band.until_us);
      strip.append(svg("rect", { x: `${from}%`, y: 4, width: `${Math.max(0.25, until - from)}%`, height: 16, class: `band ${band.kind === "no_power" ? "dark" : "fault"}` }));
    }
    for (const step of steps) strip.append(svg("rect", { x: `${this.share(step.at_us)}%`, y: step.guilty ? 1 : 9, width: step.guilty ? 3 : 1, height: step.guilty ? 22 : 6, class: step.guilty ? "guilty" : "tick" }));
    this.needle = strip.appendChild(svg("rect", { x: "0%", y: 0, width: 2, height: 24, class: "needle" }));
    strip.addEventListener("click", (event) => {
      const frame = strip.getBoundingClientRect();
      const us = this.span[0] + (this.span[1] - this.span[0]) * (event.clientX - frame.left) / frame.width;
      const near = this.steps.reduce((best, each) => Math.abs(each.at_us - us) < Math.abs(best.at_us - us) ? each : best, this.steps[0]);
      this.of.show(near.number);
    });
    return el("div", { class: "strip-box" }, el("small", {}, clock(this.span[0], false)), strip, el("small", {}, clock(this.span[1], false)));
  }
}

function briefly(text) {
  return (state.language === "zh" && (own(WORDS_ZH, text) || own(WORDS_ZH, text.replaceAll(" ", "_")) || own(WORDS_ZH, text.toUpperCase()))) || text;
}

// A word or two below a mark.
function brief(step) {
  const facts = Object.fromEntries(step.facts || []);
  switch (step.kind) {
    case "MessageSent": return `${facts.mti || "?"}${facts.response_code ? ` ${facts.response_code}` : ""}`;
    case "MessageDelivered": return "";
    case "MessageDropped": return facts.reason || "";
    case "RequestUnanswered": return t("brief_unanswered");
    case "ScreenShown": case "ReceiptPrinted": return facts.kind || "";
    case "ActionStarted": return facts.kind || "";
    case "ActionEnded": return facts.outcome || "";
    case "LedgerChanged": case "OrderChanged": case "PayoutMade": case "PayoutTold": return (facts.state || "").toLowerCase();
    case "BatchSettled": return t("brief_batch");
    case "IntentOpened": return "";
    case "IntentClosed": return facts.belief ? facts.belief.replaceAll("_", " ") : "";
    case "Presented": return t("brief_card");
    case "CardDecided": return facts.answer || "";
    case "PowerLost": return t("brief_power");
    case "Booted": return t("brief_boot");
    case "SoftwareReady": return t("brief_ready");
    case "SoftwareDied": return t("brief_died");
    case "StorageAfterPowerLoss": return facts.lost ? t("brief_lost", { count: Number(facts.lost) }) : "";
    case "StorageFailed": return facts.errno || "";
    case "Barrier": return facts.kind || "";
    case "PhaseStarted": return (facts.phase || "").replaceAll("_", " ");
    case "FaultStruck": case "FaultBit": return "";
    default: return "";
  }
}
