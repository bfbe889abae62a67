// Small tools that every pane uses. Text enters the page here and nowhere else, and only as text: never as markup.

const LANGUAGES = { en: "English", zh: "中文" };
const state = { language: "en", theme: "", report: null };

// What a report's text cannot show as it is comes as a symbol (see fit.py): drawn dim, so that nobody takes it for the text's own.
const MARKED = /([\u2400-\u2421]|\u27e8U\+[0-9A-F]{4,6}\u27e9|\u27e8\u2026\+[\d,]+\u27e9)/;
const CUT = /^\u27e8\u2026\+([\d,]+)\u27e9$/;

function el(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  return append(element, children);
}

function clear(element) {
  element.replaceChildren();
  return element;
}

// A report's own text, kept from turning the direction of what stands around it.
function say(text, tag) {
  const element = el(tag || "bdi", { class: "said", dir: "auto" });
  for (const part of String(text === undefined ? "" : text).split(MARKED)) {
    if (!part) continue;
    const cut = CUT.exec(part);
    if (cut) element.append(el("span", { class: "cut" }, t("cut", { count: cut[1] })));
    else if (MARKED.test(part)) element.append(el("span", { class: "symbol" }, part));
    else element.append(part);
  }
  return element;
}

// ---------------------------------------------------------------- words

// A key that there is not shows itself, so that a test sees it. {count|run|runs} is a number with its noun. Of crash points there
// are states where others have runs: what reads otherwise then stands beside it as of_cuts_KEY.
function t(key, values) {
  const own = state.report && state.report.kind === "crashpoints" && TEXTS.en[`of_cuts_${key}`] !== undefined ? `of_cuts_${key}` : key;
  const text = TEXTS[state.language][own] || TEXTS.en[own];
  return text === undefined ? `[${key}]` : text.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (_, name, one, more) => {
    const value = values && values[name] !== undefined ? values[name] : "";
    const shown = typeof value === "number" ? number(value) : value;
    return one === undefined ? shown : `${shown} ${value === 1 ? one : more}`;
  });
}

function has(key) {
  return TEXTS.en[key] !== undefined;
}

function addTexts(en, zh) {
  Object.assign(TEXTS.en, en);
  Object.assign(TEXTS.zh, zh);
}

// What the harness said, in the reader's language where there are words for it; what it quotes stays text.
function sentence(said) {
  const key = `said_${said.code}`;
  if (!has(key)) return say(said.text || said.code);
  const parts = t(key, { count: said.count || 0, of: said.of || 0, what: "\u0001", text: "\u0002" }).split(/([\u0001\u0002])/);
  return el("span", {}, parts.map((part) =>
    part === "\u0001" ? say(said.what || "", "code") : part === "\u0002" ? say(said.text || "") : part));
}

// ---------------------------------------------------------------- numbers

function number(value, digits) {
  if (value === null || value === undefined) return "–";
  const most = digits !== undefined ? digits : Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return new Intl.NumberFormat("en", { maximumFractionDigits: Number.isInteger(value) ? 0 : most }).format(value);
}

function percent(share) {
  const value = 100 * share;
  return `${value >= 10 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(2)} %`;
}

function money(fen) {
  return t("yuan", { amount: new Intl.NumberFormat("en", { minimumFractionDigits: 2 }).format((fen || 0) / 100) });
}

// Virtual time: days count from 1.
function clock(us, precise) {
  const ms = Math.floor(us / 1000);
  const parts = [Math.floor(ms / 3600000) % 24, Math.floor(ms / 60000) % 60, Math.floor(ms / 1000) % 60];
  const time = parts.map((part) => String(part).padStart(2, "0")).join(":");
  const rest = precise === false ? "" : `.${String(ms % 1000).padStart(3, "0")}`;
  return t("day_time", { day: 1 + Math.floor(ms / 86400000), time: time + rest });
}

function bytes(count) {
  if (count < 1024) return `${number(count)} B`;
  const step = Math.min(3, Math.floor(Math.log2(count) / 10));
  return `${number(count / 1024 ** step)} ${["B", "KiB", "MiB", "GiB"][step]}`;
}

// ---------------------------------------------------------------- parts of panes

function card(title, ...children) {
  return el("section", { class: "card" }, title && el("h2", {}, title), children);
}

function box(...children) {
  return el("div", { class: "scroll", tabindex: "0" }, children);
}

function copyLine(text) {
  const button = el("button", { class: "copy", type: "button", title: t("copy_line") }, t("copy"));
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch (_) {
      const range = document.createRange();
      range.selectNodeContents(button.previousSibling);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      document.execCommand("copy");
    }
    button.textContent = t("copied");
    setTimeout(() => { button.textContent = t("copy"); }, 1500);
  });
  return el("div", { class: "copyline" }, say(text, "code"), button);
}

// The first few of a long list, and a button for the rest.
function shortened(items, most, draw) {
  const list = el("div", {}, items.slice(0, most).map(draw));
  if (items.length > most) {
    const more = el("button", { type: "button", class: "more" }, t("show_all", { count: items.length }));
    more.addEventListener("click", () => { more.replaceWith(...items.slice(most).map(draw)); });
    list.append(more);
  }
  return list;
}

// gzip in base64, as the page carries its data.
async function unpack(id) {
  const held = document.getElementById(id);
  if (!held) return null;
  const text = held.content.textContent.trim();
  const packed = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}
