// Which pane is shown: by the URL's fragment, so that every view has an address. #overview, #finding/3, #finding/3/event/120;
// ?lang=zh&theme=dark behind it choose for this view, the buttons for good.

const panes = { overview: drawOverview, finding: drawFinding };
const kept = {
  get(key) { try { return localStorage.getItem(`harness.${key}`); } catch (_) { return null; } },
  set(key, value) { try { localStorage.setItem(`harness.${key}`, value); } catch (_) { /* not from every disk */ } },
};

function place() {
  const [path, query] = location.hash.replace(/^#/, "").split("?");
  const parts = path.split("/").filter(Boolean);
  return { pane: panes[parts[0]] ? parts[0] : "overview", rest: panes[parts[0]] ? parts.slice(1) : [], chosen: new URLSearchParams(query || "") };
}

function choose(chosen) {
  const own = (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";
  const language = chosen.get("lang") || state.language_chosen || kept.get("language") || own;
  state.language = LANGUAGES[language] ? language : "en";
  state.theme = chosen.get("theme") || state.theme_chosen || kept.get("theme") || "";
  document.documentElement.lang = state.language === "zh" ? "zh-Hans" : "en";
  if (state.theme === "dark" || state.theme === "light") document.documentElement.dataset.theme = state.theme;
  else delete document.documentElement.dataset.theme;
}

function isDark() {
  return state.theme ? state.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

// A button outranks what the address asks for: it is what was wanted last.
function prefer(key, value) {
  state[`${key}_chosen`] = value;
  kept.set(key, value);
  const [path] = location.hash.split("?");
  history.replaceState(null, "", path || "#overview");
  show();
}

function drawHead() {
  const report = state.report;
  const here = place();
  const other = state.language === "en" ? "zh" : "en";
  const pages = report.pages || [];
  const at = here.pane === "finding" ? Number(here.rest[0]) || 0 : -1;
  return [
    el("a", { href: "#overview", class: "brand" }, el("b", {}, "terminal-fault-harness"), el("span", {}, t(`kind_${report.kind}`))),
    el("nav", { "aria-label": t("panes") },
      el("a", { href: "#overview", class: here.pane === "overview" ? "here" : null }, t("overview")),
      pages.length > 0 && el("a", { href: `#finding/${Math.max(0, at)}`, class: here.pane === "finding" ? "here" : null },
        t("findings_pages", { count: pages.length }))),
    el("div", { class: "switches" },
      el("button", { type: "button", id: "language", title: t("change_language"), onclick: () => prefer("language", other) }, LANGUAGES[other]),
      el("button", { type: "button", id: "theme", title: t("change_theme"), onclick: () => prefer("theme", isDark() ? "light" : "dark") },
        isDark() ? "☀" : "☾")),
  ];
}

let shown = 0;
async function show() {
  const turn = ++shown;
  const { pane, rest, chosen } = place();
  choose(chosen);
  const top = document.getElementById("top");
  const view = document.getElementById("view");
  append(clear(top), drawHead());
  const same = view.dataset.pane === `${pane}/${rest[0] || ""}`;
  const drawn = await panes[pane](state.report, rest);
  if (turn !== shown) return;
  append(clear(view), [drawn]);
  view.dataset.pane = `${pane}/${rest[0] || ""}`;
  if (!same) scrollTo(0, 0);
  document.body.dataset.ready = `${pane}/${rest.join("/")}`;
  view.dispatchEvent(new CustomEvent("drawn", { detail: { pane, rest } }));
}

async function start() {
  try {
    state.report = await unpack("data");
  } catch (error) {
    choose(new URLSearchParams());
    append(clear(document.getElementById("view")), [card(null, el("p", { class: "bad" }, t("unreadable", { why: String(error) })))]);
    return;
  }
  addEventListener("hashchange", show);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  await show();
}

start();
