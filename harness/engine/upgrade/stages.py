"""The stages: the new release on the old one's data, the old one on the new one's, the new one once more; each judged to its end.

Models: the terminal boots on what is left, trades, is restarted, settles, and all invariants are judged over the whole history
since it was installed. An older release may refuse newer data, if it comes up, says so, and leaves it as it is; it is then the
stage after it that shows the last. Does not model: a loader that goes back by itself.
Source: domain.md section 7 (旧版本不兼容): a release that cannot read what is stored must say so and leave it alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from harness.engine.crashpoints.afterwards import Afterwards, live_on
from harness.engine.crashpoints.explore import Exploration
from harness.engine.crashpoints.gather import tell_story
from harness.engine.crashpoints.judging import Court
from harness.engine.crashpoints.purpose import settled_at_last
from harness.engine.crashpoints.record import Recorded, record_boot
from harness.engine.crashpoints.scene import DEVICE, Setting
from harness.engine.upgrade.data import Left, worked_on
from harness.engine.upgrade.report import Stage, StageFinding
from harness.history.events import ActionEnded, Event, LedgerChanged, OperatorDid, ScreenShown, SoftwareDied
from harness.invariants.base import Finding

_REFUSED = frozenset({"refused", "failed", "error", "unsupported", "storage_full"})


@dataclass(frozen=True, slots=True)
class Turn:
    """One stage: ``boots`` comes up on ``left``."""

    name: str
    boots: Setting
    left: Left


def turns(old: Setting, new: Setting, left: Left) -> Iterator[Turn]:
    """What follows the old release's ``left``, each stage on what the one before it leaves in the middle of trade."""
    up = installed(left, old, new)
    yield Turn("up", new, up)
    down = installed(worked_on(new, up), new, old)
    yield Turn("down", old, down)
    yield Turn("up again", new, installed(worked_on(old, down), old, new))


def installed(left: Left, before: Setting, after: Setting) -> Left:
    """While the power is off the loader puts one release in the other's place."""
    names = [f"{each.software.name} {each.software.manifest.version}" for each in (before, after)]
    at_us = left.before[-1].at_us
    told = OperatorDid(at_us, DEVICE, f"an update was installed: {names[0]} gave way to {names[1]}")
    return replace(left, before=(*left.before, told))


def judged(turn: Turn, data: str, wish: str | None) -> Stage:
    """A turn lived to its last settlement, without a cut."""
    setting, left = turn.boots, turn.left
    stays = wish is not None and turn.name == "up"
    lived = live_on(
        setting, left.chapter + 1, left.remains, customer_stays=stays, wish="completion" if stays else "sale"
    )
    court = Court(setting)
    findings = court.findings(left.before, lived)
    told = _told(findings, (*left.before, *lived.events))
    stage = Stage(data, turn.name, setting.software.spec)
    return ruled(stage, lived, told, court.inconclusive, settles="settle" in setting.software.manifest.actions)


def ruled(
    stage: Stage, lived: Afterwards, findings: list[StageFinding], inconclusive: Iterable[str], *, settles: bool
) -> Stage:
    """``stage`` with its verdict: what refuses may, what was found fails, and what shows nothing is no pass."""
    stage.sales = _sales(lived.events)
    refusal = refused(lived) if stage.stage == "down" else ""
    why = next(iter(inconclusive), "")
    if refusal:
        stage.verdict, stage.because = "refused", refusal
    elif findings:
        stage.verdict, stage.findings = "fail", findings
    elif why:
        stage.verdict, stage.because = "inconclusive", why
    elif settles and not settled_at_last(lived.events):
        stage.verdict = "inconclusive"
        stage.because = "the last settlement failed, so that nothing shows whether its approvals were kept"
    elif not stage.sales:
        stage.verdict, stage.because = "inconclusive", "no sale was booked in it, so nothing was shown"
    return stage


def refused(lived: Afterwards) -> str:
    """What a release said that came up and works with nothing that it found; empty when it sold, died or did not come up."""
    events = lived.events
    if not lived.came_up or _sales(events) or any(isinstance(each, SoftwareDied) for each in events):
        return ""
    ends = [each for each in events if isinstance(each, ActionEnded)]
    if not ends or any(each.outcome not in _REFUSED for each in ends):
        return ""
    said = next((each.text for each in events if isinstance(each, ScreenShown) and each.kind in _REFUSED), "")
    return said or ends[0].reason or ends[0].outcome


def _sales(events: Sequence[Event]) -> int:
    return sum(
        isinstance(each, LedgerChanged) and each.kind == "sale" and each.state == "APPROVED" and not each.previous_state
        for each in events
    )


def _told(findings: Sequence[Finding], events: Sequence[Event]) -> list[StageFinding]:
    """One for each invariant."""
    by_number: dict[int, list[Finding]] = {}
    for each in findings:
        by_number.setdefault(each.number, []).append(each)
    return [
        StageFinding(
            number, same[0].invariant, same[0].summary, len(same), sum(each.money_fen for each in same), same[0].severity,
            tell_story(events, same[0]),
        )
        for number, same in by_number.items()
    ]  # fmt: skip


class FirstBoot(Exploration):
    """Crash points of one turn's first boot; ``self.setting`` is the release that lives on after the cut."""

    turn: Turn

    def recorded(self) -> Recorded:
        """The boot as it goes without a cut."""
        left = self.turn.left
        return record_boot(self.turn.boots, left.chapter + 1, left.remains, left.before)
