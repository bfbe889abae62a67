"""Which findings of a run are kept whole: so many of each kind, and of all others their number and their money.

Models: software that loses every sale of a week has thousands of findings of one kind. They must not fill a verdict, and must
never hide one of another kind. Does not model: which of a kind are worth reading; the earliest are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.engine.verdict import MoreView
from harness.invariants.base import Finding
from harness.invariants.judge import Judgement
from harness.invariants.kinds import kind_of

ALL_KEPT = 200
"""With no more than so many in all, each is kept."""
OF_A_KIND = 50
KINDS_MAX = 200
"""Of so many kinds of one run are any kept at all; there is no end to the kinds that hostile texts can make."""


def kept_of(judgements: Iterable[Judgement]) -> tuple[list[Finding], tuple[MoreView, ...]]:
    """The findings that are kept, in order of time, and how many there are besides them."""
    judged = [each for each in judgements if each.findings]
    findings = sorted(
        (each for judgement in judged for each in judgement.findings),
        key=lambda each: (each.at_us, each.number, each.device),
    )
    kept, more = (findings, []) if len(findings) <= ALL_KEPT else _fewer(findings)
    for each in judged:
        # An invariant counts what it does not keep, and knows no more of it.
        uncounted = each.findings_total - len(each.findings)
        if uncounted > 0:
            more.append(MoreView(each.number, each.name, "", uncounted, 0))
    return kept, tuple(more)


def _fewer(findings: Sequence[Finding]) -> tuple[list[Finding], list[MoreView]]:
    kept: list[Finding] = []
    seen: dict[tuple[int, str], int] = {}
    more: dict[tuple[int, str, str], tuple[int, int]] = {}
    for each in findings:
        kind = kind_of(each.summary)
        count = seen.get((each.number, kind), 0)
        if count < OF_A_KIND and (count or len(seen) < KINDS_MAX):
            seen[each.number, kind] = count + 1
            kept.append(each)
        else:
            key = each.number, each.invariant, kind if count else ""
            number, money_fen = more.get(key, (0, 0))
            more[key] = number + 1, money_fen + each.money_fen
    return kept, [MoreView(*key, *sums) for key, sums in more.items()]
