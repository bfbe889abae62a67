"""The verdict as a person reads it in a terminal: first what happened, then what it rests on, last how to replay it."""

import re
from collections.abc import Iterator

from harness.engine.verdict import FindingView, MoreView, NotChecked, Verdict

_MOST_FINDINGS = 5
_ABOUT_DEVICE = re.compile(r"^(T\d+)\b:? (.*)$", re.DOTALL)
_SAID = {
    "pass": "PASS          every invariant that could be checked held",
    "fail": "FAIL          money, records or service were lost",
    "inconclusive": "INCONCLUSIVE  nothing was found, and the run does not prove enough to pass",
}


def render(verdict: Verdict) -> str:
    """The whole verdict as plain text, at most about 110 columns wide."""
    return "\n".join(_lines(verdict)) + "\n"


def _lines(verdict: Verdict) -> Iterator[str]:
    yield (
        f"{verdict.scenario} · {verdict.terminal} · {_count(verdict.terminals, 'terminal')} · "
        f"{_count(verdict.days, 'day')} · seed {verdict.seed}"
    )
    yield _SAID[verdict.status]
    for reason in verdict.inconclusive_because:
        yield f"  because {reason}"
    yield ""
    for measure in verdict.missed:
        asked = f"{measure.bound} {measure.threshold:,.12g} was asked for"
        yield f"threshold missed: {measure.name} is {measure.value:,.12g}, {asked}"
    for group in _grouped(verdict.findings)[:_MOST_FINDINGS]:
        yield from _finding(group, [each for each in verdict.more if each.invariant == group[0].invariant])
    hidden = len(_grouped(verdict.findings)) - _MOST_FINDINGS
    if hidden > 0:
        yield f"... and {_count(hidden, 'more kind')} of finding (verdict.json has all)"
        yield ""
    yield from _evidence(verdict)
    if verdict.replay:
        yield ""
        yield f"replay: {verdict.replay}"


def _grouped(findings: tuple[FindingView, ...]) -> list[list[FindingView]]:
    """Findings by invariant, in order of first appearance: forty lost sales are one thing to read."""
    groups: dict[int, list[FindingView]] = {}
    for finding in findings:
        groups.setdefault(finding.invariant, []).append(finding)
    return list(groups.values())


def _finding(group: list[FindingView], more: list[MoreView]) -> Iterator[str]:
    first = group[0]
    money_fen = sum(each.money_fen for each in group) + sum(each.money_fen for each in more)
    money = f", {money_fen / 100:,.2f} yuan at stake" if money_fen else ""
    devices = list(dict.fromkeys(each.device for each in group if each.device))
    count = len(group) + sum(each.findings for each in more)
    yield f"invariant {first.invariant} {first.name}: {_count(count, 'finding')} on {_some(devices)}{money}"
    yield f"  {first.summary}"
    if first.follows:
        yield f"  Nothing else went wrong near it: it may be a consequence of invariant {first.follows} on {first.device}."
    for line in first.story:
        yield f"    {line}"
    yield ""


def _evidence(verdict: Verdict) -> Iterator[str]:
    if verdict.faults:
        yield f"{'faults':<34}{'struck':>6}{'bit':>6}"
        for fault in verdict.faults:
            yield f"  {fault.name:<32} {fault.struck:>5} {fault.bit:>5}  {fault.family}"
    sales = verdict.sales
    yield (
        f"sales        {sales.asked:,} asked, {sales.feasible:,} feasible, {sales.accepted:,} accepted "
        f"({sales.acceptance_percent:.1f} % of the feasible)"
    )
    if verdict.measures:
        yield "measures"
        for measure in verdict.measures:
            bound = f"  ({measure.bound} {measure.threshold:,.12g})" if measure.threshold is not None else ""
            yield f"  {measure.name:<34} {measure.value:>14,.12g}{bound}"
    yield f"checked      {', '.join(verdict.checked) or 'nothing'}"
    if verdict.not_checked:
        yield "not checked"
        yield from _not_checked(verdict.not_checked)
    yield f"history      {verdict.events:,} events, sha256 {verdict.history_sha256[:16]}"
    if verdict.diverged:
        yield f"diverged     {_count(verdict.diverged, 'pinned decision')} missing on replay took a neutral value"


def _not_checked(reasons: tuple[NotChecked, ...]) -> Iterator[str]:
    """One line a reason: the invariants it keeps from being checked, and on which devices when not on all."""
    grouped: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for each in reasons:
        found = _ABOUT_DEVICE.match(each.reason)
        names, devices = grouped.setdefault(found.group(2) if found else each.reason, ({}, {}))
        names.setdefault(each.name)
        if found:
            devices.setdefault(found.group(1))
    for reason, (names, devices) in grouped.items():
        where = f" on {_some(sorted(devices))}" if devices else ""
        yield f"  {', '.join(names)}{where}: {reason}"


def _some(devices: list[str]) -> str:
    if not devices:
        return "the whole run"
    if len(devices) <= 4:
        return ", ".join(devices)
    return f"{', '.join(devices[:4])} and {len(devices) - 4} more"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
