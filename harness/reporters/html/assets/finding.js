// The page of one finding: why it is one, what happened in lanes of time, each event with its message and the disk, and what a run
// without it did otherwise. The page is drawn once; stepping through events changes what it shows, and the address.

const LANE_NAMES = ["operator", "terminal", "disk", "link", "host"];
const NO_REPLY = "host.no_reply";
const OWN_ACTS = new Set(["ScreenShown", "ReceiptPrinted", "ActionEnded", "SoftwareDied", "SoftwareLogged", "SecretFound", "Inspected", "Barrier", "MemorySampled", "SpaceMeasured"]);
let story = null;

async function drawFinding(report, rest) {
  const index = Number(rest[0]) || 0;
  const look = `${index} ${state.language}`;
  if (!story || story.look !== look) {
    const page = await unpack(`finding-${index}`);
    if (!page) return card(t("finding"), el("p", {}, t("no_such_page")));
    story = new Story(report, page, index, look);
  }
  const number = rest[1] === "event" ? Number(rest[2]) : NaN;
  story.show(Number.isNaN(number) ? story.first() : number, true);
  return story.root;
}

class Story {
  constructor(report, page, index, look) {
    this.page = page;
    this.index = index;
    this.look = look;
    this.steps = page.steps || [];
    this.guilty = this.steps.filter((each) => each.guilty);
    this.messages = new Map((page.messages || []).map((each) => [each.number, each]));
    this.device = page.device || (this.steps.find((each) => each.device) || {}).device || "";
    const others = new Set(this.steps.map((each) => each.device).filter((each) => each && each !== this.device));
    this.devices = [this.device, ...[...others].sort()];
    this.chosen = this.device;
    this.disk = new DiskStory(page);
    this.root = el("div", { class: "story" });
    this.draw(report);
  }

  draw(report) {
    const parts = [drawPager(report, this.index), drawWhy(this), drawReplay(this.page)];
    if (this.steps.length) {
      this.lanes = new Lanes(this);
      this.detail = el("section", { class: "detail", "aria-live": "polite" });
      this.list = el("ol", { class: "events", tabindex: "0", "aria-label": t("events") });
      this.list.addEventListener("click", (event) => {
        const row = event.target.closest("li");
        if (row && row.dataset.number) this.show(Number(row.dataset.number));
      });
      this.box = el("div", { class: "lanes-box" });
      parts.push(
        card(t("story_title"), drawLegend(), this.tabs = el("div", { class: "tabs", role: "group", "aria-label": t("terminals") }), this.box,
          drawKeys(this), el("div", { class: "stepper" }, this.list, this.detail), drawLeftOut(this.page)));
      this.choose(this.device);
    } else {
      parts.push(card(t("story_title"), el("p", {}, t(`empty_${this.page.why_empty || "not_asked"}`)),
        (this.page.why_empty || "not_asked") === "not_asked" && copyLine(`harness report ${quoted(report.source)}`), this.page.told && el("p", {}, say(this.page.told, "code")),
        (this.page.told_before || []).length > 0 && [el("p", { class: "hint" }, t("told_before")), el("ol", { class: "told-before" }, this.page.told_before.map((each) => el("li", { class: each.startsWith(">") ? "guilty" : null }, say(each.slice(2)))))]));
    }
    parts.push(drawDifference(this), drawShrunk(this.page), drawFindingPlots(this.page));
    append(this.root, parts);
  }

  // One terminal at a time; what happens to the run as a whole is everybody's.
  choose(device) {
    this.chosen = device;
    this.shown = this.steps.filter((each) => !each.device || each.device === device);
    append(clear(this.tabs), this.devices.length > 1 ? this.devices.map((each) =>
      el("button", { type: "button", class: each === device ? "here" : null, "aria-pressed": String(each === device), onclick: () => { this.choose(each); this.show(this.nearest(this.at)); } },
        say(each), each === this.device && el("small", {}, t("the_guilty_one")))) : []);
    append(clear(this.box), [this.lanes.draw(device, this.shown)]);
    const days = new Set(this.shown.map(dayOf));
    append(clear(this.list), this.shown.map((each, at) => [
      days.size > 1 && (!at || dayOf(each) !== dayOf(this.shown[at - 1])) && el("li", { class: "day" }, t("day", { day: dayOf(each) })),
      drawRow(each)]));
  }

  // The first guilty thing that the terminal itself did, or else the last guilty event: a customer who comes explains nothing yet.
  first() {
    const own = this.guilty.find((each) => OWN_ACTS.has(each.kind) || (each.kind === "MessageSent" && (this.messages.get(each.message) || {}).direction === "up"));
    const last = own || this.guilty[this.guilty.length - 1] || this.steps[0];
    return last ? last.number : -1;
  }

  nearest(number) {
    return this.shown.reduce((best, each) => Math.abs(each.number - number) < Math.abs(best - number) ? each.number : best, this.shown.length ? this.shown[0].number : -1);
  }

  show(number, quiet) {
    if (!this.steps.length) return;
    let step = this.steps.find((each) => each.number === number);
    if (!step) step = this.steps.find((each) => each.number === this.nearest(number));
    if (!step) return;
    if (step.device && step.device !== this.chosen) this.choose(step.device);
    this.at = step.number;
    for (const row of this.list.querySelectorAll("[aria-current]")) row.removeAttribute("aria-current");
    const row = this.list.querySelector(`[data-number="${step.number}"]`);
    if (row) {
      row.setAttribute("aria-current", "true");
      keepInside(this.list, row);
    }
    this.lanes.mark(step);
    append(clear(this.detail), drawEvent(this, step));
    if (quiet) requestAnimationFrame(() => { if (row) keepInside(this.list, row); this.lanes.mark(step); });
    else {
      const query = location.hash.split("?")[1];
      history.replaceState(null, "", `#finding/${this.index}/event/${step.number}${query ? `?${query}` : ""}`);
      document.body.dataset.ready = `finding/${this.index}/event/${step.number}`;
    }
  }

  // Whoever steps by keys is to see where he is, and what the event says.
  intoView() {
    const top = this.detail.getBoundingClientRect().top, low = innerHeight - 120;
    if (top < 0 || top > low) this.box.scrollIntoView({ block: "start" });
    if (this.detail.getBoundingClientRect().top > low) this.detail.scrollIntoView({ block: "center" });
  }

  // By so many events of what is shown; Infinity goes to an end.
  move(by) {
    const at = this.shown.findIndex((each) => each.number === this.at);
    const to = Math.max(0, Math.min(this.shown.length - 1, by === Infinity ? this.shown.length - 1 : by === -Infinity ? 0 : at + by));
    if (this.shown[to]) this.show(this.shown[to].number);
  }

  moveGuilty(by) {
    const list = by > 0 ? this.guilty.filter((each) => each.number > this.at) : this.guilty.filter((each) => each.number < this.at).reverse();
    const to = list[0] || (by > 0 ? this.guilty[0] : this.guilty[this.guilty.length - 1]);
    if (to) this.show(to.number);
  }
}

function quoted(path) {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\"'\"'")}'`;
}

const KEYS = {
  j: (s) => s.move(1), ArrowDown: (s) => s.move(1), ArrowRight: (s) => s.move(1),
  k: (s) => s.move(-1), ArrowUp: (s) => s.move(-1), ArrowLeft: (s) => s.move(-1),
  Home: (s) => s.move(-Infinity), End: (s) => s.move(Infinity),
  n: (s) => s.moveGuilty(1), p: (s) => s.moveGuilty(-1),
};

addEventListener("keydown", (event) => {
  if (!story || !story.root.isConnected || !story.steps.length) return;
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
  // In a box that scrolls sideways arrows scroll it, as everywhere.
  if (event.key.startsWith("Arrow") && event.target.closest && event.target.closest(".scroll")) return;
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act(story);
  story.intoView();
});

function keepInside(box, row) {
  const top = row.offsetTop;  // of the box, which is positioned
  if (top < box.scrollTop + 40 || top + row.offsetHeight > box.scrollTop + box.clientHeight - 40) box.scrollTop = Math.max(0, top - box.clientHeight / 2);
}

// ---------------------------------------------------------------- head

function drawPager(report, index) {
  const pages = report.pages || [];
  if (pages.length < 2) return null;
  const to = (number, text) => number >= 0 && number < pages.length ? el("a", { href: `#finding/${number}`, class: "button" }, text) : null;
  return el("nav", { class: "pager", "aria-label": t("finding") },
    to(index - 1, "←"),
    el("select", { "aria-label": t("finding"), onchange: (event) => { location.hash = `#finding/${event.target.value}`; } },
      pages.map((each, number) => el("option", { value: String(number), selected: number === index }, `${number + 1}. ${each.invariant || ""} ${each.name} ${each.device || ""} ${each.signature}`))),
    to(index + 1, "→"));
}

function drawWhy(of) {
  const page = of.page;
  const why = page.why || { sentence: "" };
  const facts = [
    page.severity && el("span", { class: `chip ${page.severity}` }, t(`severity_${page.severity}`)),
    page.device && el("span", {}, say(page.device)), page.at_us ? el("span", {}, clock(page.at_us)) : null,
    page.money_fen ? el("span", {}, t("money_of_kind", { money: money(page.money_fen) })) : null,
    page.fault && el("span", {}, t(page.follows ? "findings_after_before" : "findings_after", { fault: page.fault })),
    page.place && el("span", {}, t("struck_at"), " ", say(page.place, "code")),
    el("span", { class: "id" }, page.signature)];
  const links = (title, steps, mark) => steps.length > 0 && el("div", { class: "guilty-links" }, el("b", {}, t(title)),
    shortened(steps, 8, (each) => el("a", { href: `#finding/${of.index}/event/${each.number}`, onclick: (event) => { event.preventDefault(); of.show(each.number); of.box.scrollIntoView({ block: "nearest" }); } },
      mark(), ` ${clock(each.at_us)} `, told(each))));
  const around = new Set(page.around || []);
  return el("section", { class: "card verdict fail" },
    el("h1", {}, page.invariant ? el("span", { class: "chip" }, String(page.invariant)) : null, say(page.name.replaceAll("_", " "))),
    el("p", { class: "lead summary" }, say(page.summary)),
    el("p", { class: "facts" }, facts),
    why.sentence && el("dl", { class: "why" },
      el("dt", {}, t("why_rule")), el("dd", {}, ruleOf(page, why.sentence)),
      why.evidence && [el("dt", {}, t("why_evidence")), el("dd", {}, judgedBy(page, why.evidence))]),
    page.follows ? el("p", { class: "doubt" }, t("follows", { what: followed(page) })) : null,
    drawCut(page.cut),
    (page.taken || []).some((each) => each.blamed) && el("div", { class: "taken-by-cut" }, el("b", {}, t(page.taken.some((each) => each.blamed && (each.lost || []).some((one) => one.place)) ? "taken_title" : "taken_title_bare")), page.taken.filter((each) => each.blamed).map((each) => drawTaken(each, true))),
    links("guilty_events", of.guilty, () => el("span", { class: "mark-guilty" }, "◆")),
    links("around_events", of.steps.filter((each) => around.has(each.number)), () => el("span", { class: "mark-wrong" }, "✕")),
    !page.came_again && page.came_again !== undefined ? el("p", { class: "doubt" }, t("empty_not_again")) : null);
}

// The earlier finding as its page or the list of findings calls it.
function followed(page) {
  const known = (state.report.pages || []).find((each) => each.invariant === page.follows);
  return known ? `${page.follows} ${known.name.replaceAll("_", " ")}` : String(page.follows);
}

// What a power cut took: each operation with the lines that made it, and why it was not on the medium.
function drawTaken(taken, dated) {
  const groups = [];
  for (const each of taken.lost || []) {
    const last = groups[groups.length - 1];
    if (last && last[0].why === each.why && last[0].by === each.by) last.push(each); else groups.push([each]);
  }
  const calm = ["kept_not", "under_way"];
  return el("div", { class: "taken" }, dated && el("small", {}, t("taken_when", { at: clock(taken.at_us), volume: taken.volume })),
    groups.map((group) => el("div", {},
      el("ul", {}, group.map((each) => el("li", {}, operation(each.text), each.place && el("span", { class: "at" }, " ", t("place_made"), " ", drawPlace(each.place))))),
      group[0].why && el("p", { class: calm.includes(group[0].why) ? "hint" : "doubt" }, t(`lost_${group[0].why}`, { count: group.length }), group[0].by && [" ", t("place_synced"), " ", drawPlace(group[0].by)]))),
    taken.left_out ? el("p", { class: "hint" }, t("taken_more", { count: taken.left_out })) : null);
}

// Lines of the software, outermost first as they are told: the innermost is what a reader looks for.
function drawPlace(path) {
  const lines = path.split(" > ");
  return [say(lines[lines.length - 1], "code"), lines.length > 1 && el("span", { class: "callers" }, " ", t("place_from"), " ", lines.slice(0, -1).reverse().map((each, at) => [at ? " ← " : null, say(each, "code")]))];
}

function drawStepPlace(step) {
  if (!step.place) return null;
  const word = step.kind === "PowerLost" || step.kind === "SoftwareDied" ? "place_stood" : step.returned ? "place_returned" : "place_at";
  return el("p", { class: "place" }, t(word), " ", drawPlace(step.place));
}

// Why an event proves something: by what it is.
function guiltyKey(step, message) {
  const key = step.kind === "MessageSent" && message ? `guilty_${message.direction}` : `guilty_${step.kind}`;
  return has(key) ? key : "guilty_any";
}

// The file and line alone, for a row.
function briefPlace(path) {
  return path.split(" > ").pop().split(" ")[0];
}

// A state of crash points: where in the flow the power went, and what the medium made of it.
function drawCut(cut) {
  if (!cut) return null;
  return el("dl", { class: "why" },
    el("dt", {}, t("cut_where")), el("dd", {}, say(cut.where)),
    cut.step && [el("dt", {}, t("cut_step")), el("dd", {}, say(cut.step))],
    cut.losses && cut.losses.length > 0 && [el("dt", {}, t("cut_lost")), el("dd", {}, cut.losses.map((each) => el("div", {}, drawLoss(each))))],
    cut.arrived && [el("dt", {}, t("cut_arrived")), el("dd", {}, say(cut.arrived))]);
}

// VOLUME: what was done to it. A volume's name has no colon.
function drawLoss(text) {
  const at = text.indexOf(": ");
  return at > 0 ? [say(text.slice(0, at)), ": ", operation(text.slice(at + 2))] : say(text);
}

function drawReplay(page) {
  if (!page.again) return null;
  return card(t("replay_title"), copyLine(page.again));
}

function drawLegend() {
  const item = (kind, text) => el("span", { class: "legend-item" }, el("i", { class: `swatch ${kind}` }), text);
  return el("div", { class: "about" }, el("p", { class: "hint" }, t("story_hint")),
    el("details", { class: "help" }, el("summary", {}, t("help_title")),
      el("ul", {}, ["help_time", "help_guilty", "help_fault", "help_disk", "help_message", "help_next"].map((each) => el("li", {}, t(each))))),
    el("div", { class: "legend-line" }, item("event", t("legend_event")), item("guilty", t("legend_guilty")), item("fault", t("legend_fault")),
      item("dark", t("legend_dark")), item("gap", t("legend_gap")), item("risky", t("legend_risky")), item("sound", t("legend_sound"))));
}

function drawKeys(of) {
  const button = (text, title, act) => el("button", { type: "button", title, "aria-label": title, onclick: () => act(of) }, text);
  return el("div", { class: "keys" },
    button("⇤", t("key_first"), KEYS.Home), button("←", t("key_back"), KEYS.k), button("→", t("key_on"), KEYS.j), button("⇥", t("key_last"), KEYS.End),
    of.guilty.length > 0 && [button("◆←", t("key_guilty_back"), KEYS.p), button("◆→", t("key_guilty_on"), KEYS.n)],
    el("span", { class: "hint" }, t("keys_hint")));
}

function timeOfDay(us) {
  return clock(us).replace(/^.*?(\d\d:\d\d:)/, "$1");
}

function dayOf(step) {
  return 1 + Math.floor(step.at_us / 86400e6);
}

function drawRow(step) {
  const classes = [step.guilty ? "guilty" : "", isFault(step) ? "fault" : ""].filter(Boolean).join(" ");
  return el("li", { "data-number": String(step.number), class: classes || null },
    el("time", { title: clock(step.at_us) }, timeOfDay(step.at_us)), el("span", { class: "lane" }, t(`lane_${step.lane}`)),
    el("span", { class: "what" }, step.guilty && el("b", { class: "mark-guilty", title: t("guilty") }, "◆ "), told(step), step.place && el("small", { class: "at" }, " ", say(briefPlace(step.place), "code"))));
}

function isFault(step) {
  return step.kind === "FaultStruck" || step.kind === "FaultBit" || step.kind === "PowerLost" || step.kind === "SoftwareDied";
}

function drawLeftOut(page) {
  const said = [];
  if (page.left_out) said.push(t("left_events", { count: page.left_out, device: page.device || "" }));
  if (page.left_out_elsewhere) said.push(t("left_elsewhere", { count: page.left_out_elsewhere }));
  if (page.window && page.window[1]) said.push(t("left_window", { from: clock(page.window[0], false), until: clock(page.window[1], false) }));
  return said.length ? el("p", { class: "hint left-out" }, said.join(" ")) : null;
}

// ---------------------------------------------------------------- one event

function drawEvent(of, step) {
  const place = of.shown.findIndex((each) => each.number === step.number);
  const message = step.message === undefined || step.message === null ? null : of.messages.get(step.message);
  return [
    el("header", {},
      el("h3", { class: step.guilty ? "guilty" : null }, step.guilty ? el("span", { class: "mark-guilty" }, `◆ ${t("guilty")} · `) : null, t(`event_${step.kind}`)),
      el("small", {}, t("event_place", { place: place + 1, count: of.shown.length, number: String(step.number) }), " · ", clock(step.at_us), " · ", t(`lane_${step.lane}`), step.device && [" · ", say(step.device)])),
    el("p", { class: "told" }, told(step)),
    step.guilty && el("p", { class: "why-guilty" }, t("guilty_why"), " ", t(guiltyKey(step, message))),
    drawStepPlace(step),
    (of.page.taken || []).filter((each) => each.number === step.number).map((each) => drawTaken(each, false)),
    message && drawMessage(message),
    of.disk.draw(step, of),
    drawEventFacts(step),
  ];
}

function drawEventFacts(step) {
  const facts = step.facts || [];
  if (!facts.length) return null;
  return el("details", {}, el("summary", {}, t("event_facts")),
    el("dl", { class: "event-facts" }, facts.map(([name, value]) => [el("dt", {}, say(name, "code")), el("dd", {}, say(value))])),
    step.cut ? el("p", { class: "hint" }, t("cut", { count: step.cut })) : null);
}

function drawMessage(message) {
  const fate = message.fate ? t(`fate_${message.fate}`, { at: clock(message.ended_us), why: message.why || "" }) : t("fate_under_way");
  const name = has(`mti_${message.mti}`) ? t(`mti_${message.mti}`) : "";
  const fields = message.fields || [];
  return el("div", { class: "message" },
    el("h4", {}, t(`way_${message.direction}`), " ", say(message.mti || "?", "code"), " ", name, el("small", {}, ` ${t("message_head", { number: String(message.number), size: bytes(message.size_bytes || 0) })}`)),
    el("p", { class: message.fate === "dropped" ? "bad" : "hint" }, say(fate)),
    message.unanswered && el("p", { class: "bad" }, t(message.unanswered === "late" ? "message_late" : "message_unanswered")),
    message.altered && el("p", { class: "doubt" }, t("message_altered", { what: message.altered })),
    message.error && el("p", { class: "bad" }, t("message_error"), " ", say(message.error)),
    fields.length ? box(el("table", { class: "fields" },
      el("thead", {}, el("tr", {}, el("th", {}, t("field")), el("th", {}, t("field_name")), el("th", {}, t("field_value")))),
      el("tbody", {}, fields.map(drawField)))) : el("p", { class: "hint" }, t("message_not_decoded")));
}

function drawField(field) {
  const name = has(`frame_${field.name}`) && !field.number ? t(`frame_${field.name}`) : field.name;
  const parts = (field.parts || []).map(([code, value]) => `${t(`part_${code}`)} ${value}`).join(" · ");
  return el("tr", { class: field.number ? null : "frame" },
    el("td", { class: "number" }, field.number || "–"), el("td", {}, say(name)),
    el("td", {}, field.value ? say(field.value, "code") : null,
      field.hidden ? el("span", { class: "hidden-value" }, t("field_hidden", { count: field.hidden })) : null,
      parts && el("small", {}, say(parts))));
}

// ---------------------------------------------------------------- beside it

function drawDifference(of) {
  const found = of.page.difference;
  if (!found) return null;
  const title = t("difference_title");
  if (found.why_none) return card(title, el("p", {}, t(`difference_${found.why_none}`, { count: found.tried || 0 })));
  const families = (found.without || []).filter((each) => each !== NO_REPLY);
  const what = families.length ? t(families.length < found.without.length ? "difference_without_both" : "difference_without", { what: families.join(", ") })
    : (found.without || []).length ? t("difference_answered") : t("difference_seed", { seed: String(found.seed) });
  const side = (name, lines, kind) => el("div", { class: `side ${kind}` }, el("h3", {}, name),
    lines.length ? el("ol", {}, lines.map((each) => el("li", {}, clock(each.at_us), " ", say(each.device || ""), " ", told(each)))) : el("p", { class: "hint" }, t("difference_nothing_more")));
  return card(title,
    el("p", {}, what, " ", t(found.passes === false ? "difference_other" : "difference_passes"), " ",
      t("difference_same", { count: found.same || 0, device: found.device || "" }), " ",
      found.event !== undefined && found.event !== null && of.steps.some((each) => each.number === found.event)
        ? el("a", { href: `#finding/${of.index}/event/${found.event}`, onclick: (event) => { event.preventDefault(); of.show(found.event); of.box.scrollIntoView({ block: "nearest" }); } }, t("difference_where", { at: clock(found.at_us) }))
        : t("difference_where", { at: clock(found.at_us) })),
    el("div", { class: "sides" }, side(t("difference_here"), found.here || [], "here"), side(t("difference_there"), found.there || [], "there")),
    found.again && [el("h3", {}, t("difference_again")), copyLine(found.again)]);
}

function drawShrunk(page) {
  if (!page.shrunk && !page.shrunk_again && !page.not_shrunk) return null;
  return card(t("shrunk_title"),
    page.shrunk ? [el("p", { class: "hint" }, t("shrunk_hint")), el("pre", { class: "scroll", tabindex: "0" }, say(page.shrunk, "code"))]
      : el("p", { class: "hint" }, page.not_shrunk ? [t("shrunk_not"), " ", say(page.not_shrunk)] : t("shrunk_command")),
    page.shrunk_again && copyLine(page.shrunk_again));
}

function drawFindingPlots(page) {
  return (page.series || []).length ? card(t("plots_of_terminal"), drawPlots(page.series, "run")) : null;
}
