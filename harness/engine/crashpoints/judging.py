"""From one history through a cut to what is wrong with it: all invariants, and recovery twice against recovery once.

Models: invariants as they judge runs; what no software could keep on a medium is taken out by profile afterwards, so that one
judgement serves all profiles that allow the same state. Invariant 19 (recovery idempotent) needs two histories and is judged
here: a cut in recovery must end in the same records as recovery without one, but for records that nobody had been promised.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.engine.crashpoints.afterwards import Afterwards
from harness.engine.crashpoints.report import NOTHING_JUDGED, shorter
from harness.engine.crashpoints.scene import DEVICE, Setting
from harness.engine.judging import undecided_by
from harness.history.events import Event, Inspected, ReceiptPrinted, ScreenShown
from harness.invariants.base import Finding, Terms
from harness.invariants.catalogue import INVARIANTS
from harness.invariants.judge import Judge, Judgement
from harness.invariants.recovery_idempotent import RecoveryIdempotent, differences

RECOVERY_IDEMPOTENT = (RecoveryIdempotent.number, RecoveryIdempotent.name)
_EVENTS_MAX = 50_000
"""Events of the histories remembered, some 250 bytes each; once there are so many, all are forgotten and it begins anew."""


class Court:
    """Judges histories of one software.

    Many states come to one history: a record that is torn in this way or in that is dropped by the same recovery. What was
    found in a history is found in every equal one, so each is judged once.
    """

    def __init__(self, setting: Setting) -> None:
        self._terms = Terms(
            {DEVICE: setting.software.manifest},
            on_images=setting.on_images,
            undecided=undecided_by(setting.software),
        )
        # Recovery is compared here, across the second cut; no history has two starts without one between.
        wanted = [name for name in INVARIANTS.names() if name != RecoveryIdempotent.name]
        self._chosen = [name for name in wanted if setting.plan.invariants.wants(name)]
        self.inconclusive: dict[str, None] = {}
        """Checkers that failed, by name and last line of the trace."""
        self.not_checked = dict.fromkeys(self._chosen, NOTHING_JUDGED)
        """Invariants that have had nothing to judge so far, each with the shortest reason given."""
        self._judged: dict[tuple[tuple[Event, ...], tuple[Event, ...], int], tuple[Finding, ...]] = {}
        self._events = 0

    def findings(self, before: Sequence[Event], afterwards: Afterwards) -> tuple[Finding, ...]:
        """What is wrong with the history ``before`` the last power-on and what came after it."""
        history = tuple(before), afterwards.events, afterwards.at_us
        found = self._judged.get(history)
        if found is None:
            self._events += len(before) + len(afterwards.events)
            if self._events > _EVENTS_MAX:
                self._judged.clear()
                self._events = len(before) + len(afterwards.events)
            found = self._judged[history] = self._judge(before, afterwards)
        return found

    def _judge(self, before: Sequence[Event], afterwards: Afterwards) -> tuple[Finding, ...]:
        judge = Judge(self._terms, selected=self._chosen)
        judge.hear(afterwards.events, judge.hear(before))
        found: list[Finding] = []
        for judgement in judge.conclude(afterwards.at_us):
            found += judgement.findings
            if judgement.name in self.not_checked:
                self._note(judgement)
            if judgement.outcome == "inconclusive":
                last_line = judgement.trace.strip().rsplit("\n", 1)[-1]
                self.inconclusive[
                    f"the checker of invariant {judgement.number} {judgement.name} failed: {last_line}"
                ] = None
        return tuple(sorted(found, key=lambda each: (each.number, each.at_us, each.summary)))

    def _note(self, judgement: Judgement) -> None:
        name = judgement.name
        if judgement.outcome in ("pass", "finding"):
            del self.not_checked[name]
        for reason in judgement.reasons if name in self.not_checked else ():
            self.not_checked[name] = shorter(self.not_checked[name], reason)


def not_idempotent(once: Inspected | None, twice: Inspected | None, history: Sequence[Event] = ()) -> Finding | None:
    """A finding when recovery that was cut and begun again ended in other records than recovery that was left alone.

    ``history`` up to the second cut: a record that had come to nobody's eyes by then may have gone with it (invariant 17's
    unacknowledged tail); what then becomes of its money is for invariants 2 and 7.
    """
    if once is None or twice is None or once.error or twice.error:
        return None
    shown = {
        (event.stan, event.batch)
        for event in history
        if isinstance(event, ScreenShown | ReceiptPrinted) and event.stan and event.batch
    }
    found = list(differences(once, twice, shown))
    if not found:
        return None
    number, name = RECOVERY_IDEMPOTENT
    summary = f"Recovery that was cut and begun again came to other records than recovery alone: {'; '.join(found)}."
    return Finding(name, number, DEVICE, twice.at_us, summary, 0, (), "major")
