// The disk around one event: what the software sees beside what a power cut at that instant would be sure to leave.

const ROWS_SHOWN = 14;

class DiskStory {
  constructor(page) {
    this.why = page.why_no_disk || "";
    this.device = page.device;
    this.volumes = page.volumes || [];
    this.changes = new Map(this.volumes.map((each) => [each.name, (page.disks || []).filter((change) => change.volume === each.name)]));
    this.known = this.volumes.length > 0 && (page.disks || []).length > 0;
  }

  // A volume with all changes up to an event laid over each other; the last of them tells what was done and what is at risk.
  at(volume, number) {
    const files = new Map();
    let last = null;
    for (const change of this.changes.get(volume) || []) {
      if (change.number > number) break;
      for (const path of change.gone || []) files.delete(path);
      for (const file of change.files || []) files.set(file.path, file);
      last = change;
    }
    return { files, last };
  }

  // For each of these events how many paths a power cut might take.
  risks(steps) {
    const places = this.volumes.map((volume) => ({ changes: this.changes.get(volume.name), next: 0, risky: new Set() }));
    return steps.map((step) => {
      let count = 0;
      for (const place of places) {
        while (place.next < place.changes.length && place.changes[place.next].number <= step.number) {
          const change = place.changes[place.next++];
          for (const path of change.gone || []) place.risky.delete(path);
          for (const file of change.files || []) if (atRisk(file)) place.risky.add(file.path); else place.risky.delete(file.path);
        }
        count += place.risky.size;
      }
      return count;
    });
  }

  draw(step, of) {
    if (!step.device && !isFault(step)) return null;
    if (step.device && step.device !== this.device) return el("p", { class: "hint" }, t("disk_of_guilty", { device: this.device }));
    if (!this.known) return el("p", { class: "hint" }, t(`disk_${this.why || "not_run"}`));
    const drawn = this.volumes.map((volume) => this.drawVolume(volume, step)).filter(Boolean);
    return el("div", { class: "disk" },
      el("h4", {}, t("disk_title"), el("small", {}, ` ${t("disk_hint")}`)),
      this.callout(step),
      drawn.length ? drawn : el("p", { class: "hint" }, t("disk_empty")),
      this.why === "too_much" && el("p", { class: "hint" }, t("disk_too_much")));
  }

  // What matters most: somebody was told that it is done, and the medium does not have it.
  callout(step) {
    let risky = 0;
    for (const volume of this.volumes) for (const file of this.at(volume.name, step.number).files.values()) if (atRisk(file)) risky += 1;
    const facts = Object.fromEntries(step.facts || []);
    const told = (step.kind === "ScreenShown" || step.kind === "ReceiptPrinted") && facts.kind && !/^(prompt|processing|idle)$/.test(facts.kind);
    if (!risky) return el("p", { class: "callout safe" }, t("disk_safe"));
    if (told) return el("p", { class: "callout risk" }, t(step.kind === "ScreenShown" ? "disk_told_screen" : "disk_told_receipt", { what: facts.kind, count: risky }));
    return el("p", { class: "callout doubt" }, t("disk_at_risk", { count: risky }));
  }

  drawVolume(volume, step) {
    const before = this.at(volume.name, step.number - 1), after = this.at(volume.name, step.number);
    const now = after.last && after.last.number === step.number ? after.last : null;
    if (!before.files.size && !after.files.size && !(now && (now.done || []).length)) return null;
    const paths = [...new Set([...before.files.keys(), ...after.files.keys()])].sort();
    const rows = paths.map((path) => ({ path, before: before.files.get(path), after: after.files.get(path) }));
    const rank = (row) => differs(row.before, row.after) ? 0 : row.after && atRisk(row.after) ? 1 : 2;
    const first = rows.filter((row) => rank(row) < 2).sort((a, b) => rank(a) - rank(b)), rest = rows.filter((row) => rank(row) === 2);
    const shown = first.slice(0, ROWS_SHOWN), hidden = [...first.slice(ROWS_SHOWN), ...rest];
    const head = el("thead", {},
      el("tr", {}, el("th", { rowspan: "2" }, t("disk_path")), el("th", { colspan: "2", class: "group" }, t("disk_before")), el("th", { colspan: "2", class: "group" }, t("disk_after")), el("th", { rowspan: "2" }, "")),
      el("tr", {}, el("th", { class: "number group" }, t("disk_seen")), el("th", { class: "number" }, t("disk_durable")), el("th", { class: "number group" }, t("disk_seen")), el("th", { class: "number" }, t("disk_durable"))));
    const body = el("tbody", {}, shown.map(drawFileRow));
    const more = hidden.length > 0 && el("button", { type: "button", class: "more" }, t(rest.length === hidden.length ? "disk_more_safe" : "disk_more", { count: hidden.length }));
    if (more) more.addEventListener("click", () => { append(body, hidden.map(drawFileRow)); more.remove(); });
    const risk = after.last ? after.last.at_risk || [] : [];
    const list = (title, items, places, left, open) => items.length > 0 && el("details", { open }, el("summary", {}, title),
      el("ul", {}, left ? el("li", {}, t("disk_earlier", { count: left })) : null,
        items.map((each, at) => el("li", {}, operation(each), (places || [])[at] && el("small", { class: "at" }, " ", drawPlace(places[at]))))));
    return el("div", { class: "volume" },
      el("p", {}, el("b", {}, say(volume.name)), " ", say(volume.mount_point, "code"), " ",
        el("small", { title: volume.promise || null }, t("disk_medium", { medium: volume.medium, free: bytes((after.last || {}).free_bytes || 0), total: bytes(volume.total_bytes) }), volume.promise && [" · ", say(volume.promise)])),
      rows.length > 0 && (shown.length > 0 ? box(el("table", { class: "files" }, head, body)) : box(el("table", { class: "files" }, body))), more,
      now && list(t("disk_done", { count: (now.done || []).length + (now.done_left_out || 0) }), now.done || [], now.done_at, now.done_left_out, true),
      list(t("disk_may_lose", { count: risk.length + ((after.last || {}).at_risk_left_out || 0) }), risk, (after.last || {}).at_risk_at, (after.last || {}).at_risk_left_out, false));
  }
}

function atRisk(file) {
  return Boolean(file.changed) || size(file, "volatile") !== size(file, "durable");
}

function size(file, which) {
  const found = file ? file[`${which}_bytes`] : undefined;
  return found === undefined ? null : found;
}

function differs(one, other) {
  if (!one || !other) return one !== other;
  return size(one, "volatile") !== size(other, "volatile") || size(one, "durable") !== size(other, "durable") || Boolean(one.changed) !== Boolean(other.changed);
}

function drawFileRow(row) {
  const file = row.after || row.before;
  const cell = (of, which, first) => {
    const value = size(of, which);
    const other = size(of, which === "durable" ? "volatile" : "durable");
    const lacks = of && which === "durable" && (value !== other || of.changed);
    const text = value === null ? "–" : file.directory ? t("disk_there") : lacks && value === other ? `≠ ${number(value)}` : number(value);
    return el("td", { class: `number${first ? " group" : ""}${lacks ? " lacks" : ""}` }, text);
  };
  const word = !row.after ? "disk_gone" : size(row.after, "durable") === null ? "disk_only_cache" : size(row.after, "volatile") === null ? "disk_only_medium"
    : row.after.changed ? (size(row.after, "volatile") === size(row.after, "durable") ? "disk_same_size" : "disk_differs") : "disk_same";
  return el("tr", { class: differs(row.before, row.after) ? "changed" : null },
    el("td", {}, say(row.path, "code"), file.directory ? "/" : ""), cell(row.before, "volatile", true), cell(row.before, "durable"), cell(row.after, "volatile", true), cell(row.after, "durable"),
    el("td", { class: word === "disk_same" ? "same" : word === "disk_gone" ? "gone" : word === "disk_same_size" ? "risky strong" : "risky" }, t(word, { size: row.after ? size(row.after, "volatile") : 0 })));
}
