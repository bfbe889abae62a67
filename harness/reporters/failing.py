"""A verdict that is no pass, as the text of a failed test: one sentence first, then the story, last the line that replays it."""

from collections.abc import Iterator

from harness.engine.verdict import FindingView, Verdict

_OTHERS_MAX = 5
_REASONS_MAX = 5


def failure_text(verdict: Verdict, kept_in: str | None = None) -> str:
    """What is wrong with the run, for somebody who has not read the scenario. Also of a pass, which it says is one."""
    return "\n".join(_lines(verdict, kept_in))


def _lines(verdict: Verdict, kept_in: str | None) -> Iterator[str]:
    if verdict.findings:
        yield from _findings(verdict.findings)
    yield from _missed(verdict)
    if verdict.status == "inconclusive":
        yield f"inconclusive, so no pass: {verdict.inconclusive_because[0]}"
        yield from (f"  and {reason}" for reason in verdict.inconclusive_because[1:_REASONS_MAX])
    elif verdict.status == "pass":
        yield "the run passed"
    yield (
        f"scenario {verdict.scenario!r}, terminal {verdict.terminal}, seed {verdict.seed}: {verdict.sales.accepted:,} of "
        f"{verdict.sales.feasible:,} feasible sales accepted"
    )
    for fault in verdict.faults:
        yield f"fault {fault.name}: struck {fault.struck}, bit {fault.bit}"
    if kept_in is not None:
        yield f"kept in {kept_in}"
    if verdict.replay:
        yield f"replay: {verdict.replay}"


def _findings(findings: tuple[FindingView, ...]) -> Iterator[str]:
    """The first finding with its story; of other invariants the sentence."""
    groups: dict[int, list[FindingView]] = {}
    for each in findings:
        groups.setdefault(each.invariant, []).append(each)
    first, *others = groups.values()
    yield first[0].summary
    yield f"invariant {first[0].invariant} {first[0].name}{_extent(first)}"
    yield from (f"  {line}" for line in first[0].story)
    for group in others[:_OTHERS_MAX]:
        yield f"also invariant {group[0].invariant} {group[0].name}{_extent(group)}: {group[0].summary}"
    if len(others) > _OTHERS_MAX:
        yield f"and findings of {len(others) - _OTHERS_MAX} more invariants"


def _extent(group: list[FindingView]) -> str:
    money_fen = sum(each.money_fen for each in group)
    count = f", {len(group)} findings" if len(group) > 1 else ""
    return count + (f", {money_fen / 100:,.2f} yuan at stake" if money_fen else "")


def _missed(verdict: Verdict) -> Iterator[str]:
    for measure in verdict.missed:
        yield (
            f"threshold missed: {measure.name} is {measure.value:,.12g}, {measure.bound} {measure.threshold:,.12g} was asked for"
        )
