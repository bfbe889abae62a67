"""``Terminal``: one method an action, over the event loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from harness.contract.answers import Done, Outcome, Screen, Unsupported
from harness.contract.events import Action, ActionRequested, Event
from harness.contract.kinds import OutcomeKind, ScreenKind
from harness.contract.manifest import Inspection, Manifest
from harness.contract.peripherals import Device

_OUTCOME_SCREENS: Mapping[OutcomeKind, tuple[ScreenKind, str]] = {
    "approved": ("approved", "交易成功 APPROVED"),
    "declined": ("declined", "交易拒绝 DECLINED"),
    "refused": ("refused", "不能交易 REFUSED"),
    "unknown": ("unknown", "交易结果未知 UNKNOWN"),
    "done": ("text", "完成 DONE"),
    "failed": ("error", "失败 FAILED"),
    "unsupported": ("error", "不支持 NOT SUPPORTED"),
}
_TOLD_MAX = 40
"""Characters of a text that was returned for an outcome."""

# While one of these is up, nobody has been told how the action ended.
_NOT_AN_ANSWER: frozenset[ScreenKind] = frozenset({"idle", "prompt", "processing", "warning"})


class Terminal:
    """Sugar over the event loop: one method an action. See the package's first lines for an example.

    Methods are named after ``ActionKind``: ``sale``, ``refund``, ``void``, ``settle``, ``sign_on``, ``reprint``,
    ``clear_cache``, ``update``, ``totals``, ... each takes the ``Action`` and returns an ``Outcome``. An action without a
    method is answered ``Unsupported``. ``boot`` runs once after power comes on, ``idle`` each time ``idle_timeout_s`` pass
    without an event, ``other_event`` for every event that is no action.

    ``update`` is asked for by the device's own loader, not by people: a package was staged beside the installed release (it takes
    room on a volume, mostly the one with the records) and verified. Answer ``Done`` and the device restarts at once into the
    next release, which finds this one's files; answer ``Refused`` (a settlement is under way) and it asks again later; without
    the method nobody asks. A release must read what it finds or leave it alone and say so: what is unsettled, or still to be
    reversed, is money. ``Manifest.previous`` names the release to begin with, in scenarios whose ``terminals`` say
    ``release: previous``.
    """

    manifest: ClassVar[Manifest]
    idle_timeout_s: ClassVar[float | None] = None

    def __init__(self, device: Device) -> None:
        self.device = device

    def boot(self) -> None:
        """Power came on: open files, recover what was under way."""

    def idle(self) -> None:
        """Nothing has happened for ``idle_timeout_s``."""

    def other_event(self, event: Event) -> None:
        """A key, a card, paper or the cable, outside an action."""

    def reboot(self, action: Action) -> Outcome:
        """The operator asked for a restart; the default does it at once."""
        self.device.finish(action, Done())
        self.device.reboot()
        return Done()

    @classmethod
    def inspect(cls, image: Mapping[str, bytes]) -> Inspection | None:
        """The software's own records, read from ``image``: absolute path to content. None: not offered, so not checked.

        It is called without a device and must not change anything; the answer depends on ``image`` alone, so that of equal
        images one may be asked for all.
        """
        return None

    def run(self) -> None:
        """The main loop. Override it to handle events yourself; it must not return."""
        self.boot()
        device = self.device
        while True:
            event = device.next_event(self.idle_timeout_s)
            if event is None:
                self.idle()
            elif isinstance(event, ActionRequested):
                self._perform(event.action)
            else:
                self.other_event(event)

    def _perform(self, action: Action) -> None:
        device = self.device
        before = device.display.current
        method = getattr(self, action.kind, None)
        outcome: Outcome = Unsupported() if method is None else method(action)
        if not isinstance(outcome, Outcome):
            raise TypeError(_no_outcome(action.kind, method, outcome))
        shown = device.display.current
        if shown is None or shown is before or shown.kind in _NOT_AN_ANSWER:
            kind, text = _OUTCOME_SCREENS[outcome.kind]
            device.display.show(
                Screen(
                    kind,
                    outcome.text or text,
                    action.amount_fen,
                    outcome.stan or None,
                    outcome.batch or None,
                    outcome.rrn or None,
                )
            )
        device.finish(action, outcome)
        device.display.show(Screen("idle"))


def _no_outcome(kind: str, method: object, given: object) -> str:
    """What is told of a method that ended without an outcome, with its place: no line of it is on the stack any more."""
    told = repr(given)[:_TOLD_MAX] if given is None or type(given) in (bool, int, str) else f"a {type(given).__name__}"
    code = getattr(method, "__code__", None)
    place = "" if code is None else f"{code.co_filename.rpartition('/')[2]}:{code.co_firstlineno}: "
    return f"{place}{kind} returned {told}, expected an Outcome such as Approved(...) or Declined(...)"
