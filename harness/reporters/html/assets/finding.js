// The page of one finding.

async function drawFinding(report, rest) {
  const index = Number(rest[0]) || 0;
  const page = await unpack(`finding-${index}`);
  if (!page) return card(t("finding"), el("p", {}, t("no_such_page")));
  return card(`${page.invariant} ${page.name}`, el("p", {}, say(page.summary)), page.again && copyLine(page.again));
}
