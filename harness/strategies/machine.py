"""A state machine that works one terminal: sales, settlements, cuts, dead lines, full storage, in any order that is found.

Each example is a run of its own, one step at a time (``harness.engine.stepped``): after each step what the invariants have
proven is looked at, and at the end the terminal recovers, settles and is judged as at the end of every run.

The run is in a child process and not in pytest's. In process, terminal software would run on patched clocks and files beside the
user's own tests, what it leaks or leaves in a library would reach the next example, software that spins would hang pytest,
and no fence of the kernel could be put up, as that cannot be taken down again. A child is forked off a process that has all
imports behind it, which costs a few milliseconds an example.

The same example gives the same run to the byte: nothing but the steps and ``seed`` decides. Examples take as long as
they take, so the machine's settings have ``deadline=None``. Hypothesis keeps what failed in its example database, for each class
and terminal apart, and plays it first next time.
"""

from __future__ import annotations

import inspect
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any, ClassVar, cast

import msgspec
from hypothesis import strategies as st
from hypothesis.control import current_build_context
from hypothesis.errors import InvalidArgument
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from harness.contract import ActionKind
from harness.core.errors import HarnessError
from harness.core.units import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE
from harness.engine.launch import launch
from harness.engine.request import RunRequest
from harness.engine.stepped.orders import Lift, Operate, Order, Pass, Restart, Stepped, Strike, Visit
from harness.engine.stepped.script import Taken, scenario_of
from harness.engine.stepped.session import Over, Session
from harness.engine.verdict import NO_SALE, Verdict
from harness.reporters.failing import failure_text
from harness.strategies.faults import events, fault_values, kinds_of
from harness.strategies.values import written

AMOUNTS = st.integers(1, 50_000)
OPERATIONS = st.integers(1, 12)
_FAMILIES = ("power", "network", "host", "storage")
_SCENARIO = """\
name: {name}
host: {{no_reply: 0%, decline: 0%}}
people:
  attempts: 2
  settles_on_time: 0%
  settles_late: 0%
  daily_reboot: false
  settlement_tries: 2
  when_full_settles: 100%
  when_full_clears_cache: 0%
  retries_after_unknown: 100%
  tries_other_card: 0%
  shows_card_again: 0%
  presses_key_again: 0%
acceptance: 0%
seed: {seed}
"""


@st.composite
def _events_of(draw: st.DrawFn, families: tuple[str, ...]) -> str:
    """A fault that waits for something to happen."""
    return written(draw(fault_values(draw(st.sampled_from(kinds_of(families))), events())))


class Violation(AssertionError):
    """The terminal lost money, records or service; the text tells the story."""

    __module__ = "builtins"  # as pytest's own: the short summary begins with what is wrong


class NothingProven(AssertionError):
    """The example says nothing about the terminal, and is no pass."""

    __module__ = "builtins"


class TerminalMachine(RuleBasedStateMachine):
    """Subclass it, name the terminal, and give pytest its ``TestCase``::

    class MyMachine(TerminalMachine):
        terminal = "my_terminal.py:MyTerminal"

    TestMyTerminal = MyMachine.TestCase
    """

    terminal: ClassVar[str] = "reference"
    """SPEC of the software; a file is looked for beside the one that defines the class, then where pytest was started."""
    dialect: ClassVar[str | None] = None
    device: ClassVar[str | None] = None
    profile: ClassVar[str | None] = None
    families: ClassVar[tuple[str, ...]] = _FAMILIES
    """Families of fault that the rule ``fault`` draws from; the other rules are always there."""
    seed: ClassVar[int] = 1
    wall_limit_s: ClassVar[float] = 300.0
    """Real time that one example may take."""

    _beside: ClassVar[Path | None] = None
    """Where files are looked for; None: beside the file that defines the class."""
    _hypothesis_internal_add_digest: ClassVar[bytes]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # What failed on one terminal says nothing about another, whose class may read the same.
        chosen = (cls.terminal, cls.dialect, cls.device, cls.profile, cls.families, cls.seed)
        cls._hypothesis_internal_add_digest = repr(chosen).encode()

    def __init__(self) -> None:
        super().__init__()
        self._entered_under = sys.exc_info()[1]
        self._over = False
        self._calm = True
        self._line_is_down = False
        self._is_full = False
        self._last = Stepped(9 * US_PER_HOUR + US_PER_MINUTE, "", 0, 0)
        self._taken: list[Taken] = []
        cls = type(self)
        self._head = _SCENARIO.format(name=written(cls.__name__), seed=self.seed)
        if self.device is not None:
            self._head += f"device: {{class: {written(self.device)}}}\n"
        if self.profile is not None:
            self._head += f"profile: {written(self.profile)}\n"
        self._request = RunRequest(
            scenario="",
            terminal=_found(cls),
            seed=self.seed,
            dialect=self.dialect,
            device=self.device,
            profile=self.profile,
            wall_limit_s=self.wall_limit_s,
        )
        try:
            self._session = Session(self._head, self._request)
        except Over as over:  # it did not come through its first boot
            self._judge(over.verdict)
            raise

    # ------------------------------------------------------------ for rules of one's own

    def step(self, order: Order) -> Stepped:
        """Take one step and judge what is proven by now; a rule of a subclass calls it with an order of its own."""
        if self._over:
            return self._last
        self._taken.append(Taken(self._last.at_us, order))
        try:
            self._last = self._session.step(order)
        except Over as over:
            self._judge(over.verdict)
            raise
        if self._last.findings or self._last.stopped:
            self._judge(self._end())
        return self._last

    def can(self, action: ActionKind) -> bool:
        """Whether the terminal's manifest has this action."""
        return action in self._session.actions

    def strike(self, fault: str) -> None:
        """A fault, as an entry of a scenario's ``faults``; without ``at`` it strikes now."""
        self._calm = False
        self.step(Strike(fault))

    # ------------------------------------------------------------ people

    @rule(amount_fen=AMOUNTS)
    def sale(self, amount_fen: int) -> None:
        """Somebody buys."""
        said = self.step(Visit("sale", amount_fen)).said
        if self._calm and said != "paid" and not self._over:
            ended = said or "with nothing at all"
            self._stop()
            raise NothingProven(
                f"a sale of {amount_fen / 100:.2f} yuan ended {ended!r} on a terminal to which nothing had been done: "
                f"what refuses every sale loses none. Restrict the amounts if this one is refused for a reason"
            )

    @precondition(lambda self: self.can("void") and self._last.unsettled > 0)
    @rule()
    def void(self) -> None:
        """Somebody takes a sale of this batch back."""
        self.step(Visit("void"))

    @precondition(lambda self: self.can("refund") and self._last.settled > 0)
    @rule()
    def refund(self) -> None:
        """Somebody gets the money of a settled sale back."""
        self.step(Visit("refund"))

    @precondition(lambda self: self.can("settle"))
    @rule()
    def settle(self) -> None:
        """The batch is settled."""
        self.step(Operate("settle"))

    @precondition(lambda self: self.can("reprint"))
    @rule()
    def reprint(self) -> None:
        """The last slip is printed once more."""
        self.step(Operate("reprint"))

    @precondition(lambda self: self.can("clear_cache"))
    @rule()
    def clear_cache(self) -> None:
        """Somebody clears the cache."""
        self.step(Operate("clear_cache"))

    @rule()
    def reboot(self) -> None:
        """The terminal is restarted."""
        self.step(Restart())

    @rule(minutes=st.sampled_from((1, 10, 60)))
    def wait(self, minutes: int) -> None:
        """Nobody comes."""
        self.step(Pass(minutes * US_PER_MINUTE))

    @rule()
    def next_morning(self) -> None:
        """Time passes until nine o'clock of the next day."""
        now_us = self._last.at_us
        self.step(Pass((now_us // US_PER_DAY + 1) * US_PER_DAY + 9 * US_PER_HOUR - now_us))

    # ------------------------------------------------------------ what goes wrong

    @rule()
    def power_cut(self) -> None:
        """Power goes while nobody is there, and comes back after a minute."""
        self.strike("{type: power_loss, off_for: 60 s}")
        self.step(Pass(2 * US_PER_MINUTE))

    @rule(amount_fen=AMOUNTS, operation=OPERATIONS)
    def sale_cut_off(self, amount_fen: int, operation: int) -> None:
        """Power goes at the n-th storage operation of a sale."""
        self.strike(f"{{type: power_loss, off_for: 30 s, at: {{action: sale, storage_operation: {operation}}}}}")
        self.step(Visit("sale", amount_fen))

    @rule(amount_fen=AMOUNTS)
    def sale_cut_in_flight(self, amount_fen: int) -> None:
        """Power goes when the request of a sale has left, and the terminal does not hear the answer."""
        self.strike('{type: power_loss, off_for: 30 s, at: {message: {direction: up, mti: "0200", moment: sent}}}')
        self.step(Visit("sale", amount_fen))

    @precondition(lambda self: self.can("settle"))
    @rule(operation=OPERATIONS)
    def settlement_cut_off(self, operation: int) -> None:
        """Power goes at the n-th storage operation of a settlement."""
        self.strike(f"{{type: power_loss, off_for: 30 s, at: {{action: settle, storage_operation: {operation}}}}}")
        self.step(Operate("settle"))

    @rule(amount_fen=AMOUNTS)
    def sale_unanswered(self, amount_fen: int) -> None:
        """The host books a sale, and its answer is lost."""
        self.strike("{type: host_silent}")
        self.step(Visit("sale", amount_fen))

    @precondition(lambda self: self.can("settle"))
    @rule()
    def settlement_unanswered(self) -> None:
        """The host settles, and its answer is lost."""
        self.strike("{type: host_silent}")
        self.step(Operate("settle"))

    @rule()
    def crash(self) -> None:
        """The software dies and is started again."""
        self.strike("{type: crash}")
        self.step(Pass(US_PER_MINUTE))

    @precondition(lambda self: not self._line_is_down)
    @rule()
    def line_down(self) -> None:
        """Nothing passes between terminal and host."""
        self.strike("{type: partition}")
        self._line_is_down = True

    @precondition(lambda self: self._line_is_down)
    @rule()
    def line_up(self) -> None:
        """The line is back."""
        self._line_is_down = False
        self.step(Lift("partition"))

    @precondition(lambda self: not self._is_full)
    @rule(free=st.sampled_from(("0 B", "512 B", "8 KiB")))
    def fill_storage(self, free: str) -> None:
        """Foreign bytes take the space that is left."""
        self.strike(f"{{type: full_storage, free: {free}}}")
        self._is_full = True

    @precondition(lambda self: self._is_full)
    @rule()
    def free_storage(self) -> None:
        """Somebody makes room again."""
        self._is_full = False
        self.step(Lift("full_storage"))

    @precondition(lambda self: bool(self.families))
    @rule(fault=st.runner().flatmap(lambda machine: _events_of(machine.families)))
    def fault(self, fault: str) -> None:
        """Any fault of ``families``, when the next thing of a kind happens."""
        self.strike(fault)

    # ------------------------------------------------------------ the end

    def teardown(self) -> None:
        """Recovery, the last settlement, the check: what has shown by then counts as well."""
        try:
            # What a rule has raised is what failed; the end of the run has nothing to add to it.
            if not self._over and sys.exc_info()[1] is self._entered_under:
                self._judge(self._end())
        finally:
            self._session.close()
            super().teardown()

    def _end(self) -> Verdict:
        self._over = True
        return self._session.end()

    def _stop(self) -> None:
        self._over = True

    def _judge(self, verdict: Verdict) -> None:
        """Raise for what was found, and for an example that says nothing for a reason that is not its own."""
        self._over = True
        shown = msgspec.structs.replace(verdict, replay="")
        if verdict.status == "fail":
            raise Violation(failure_text(shown) + self._as_scenario(verdict))
        reasons = [each for each in verdict.inconclusive_because if not each.startswith(NO_SALE)]
        if verdict.status == "inconclusive" and reasons:
            raise NothingProven(f"the example proves nothing: {'; '.join(reasons)}")

    def _as_scenario(self, verdict: Verdict) -> str:
        """The steps as a scenario that was seen to show the same, for the last example alone: it costs a run."""
        if not _is_last():
            return ""
        text = scenario_of(self._head, self._taken)
        found = set() if text is None else _findings_of(text, self._request)
        if text is None or verdict.findings[0].invariant not in found:
            return ""
        return f"\nThe same as a scenario; kept as NAME.scenario.yaml it is a test of its own:\n{text}"


def _is_last() -> bool:
    """Whether Hypothesis plays the example that it will report."""
    try:
        return bool(current_build_context().is_final)
    except InvalidArgument:
        return False  # somebody works the machine by hand


def _findings_of(scenario: str, request: RunRequest) -> set[int]:
    """The invariants that a run of ``scenario`` violates."""
    with tempfile.TemporaryDirectory(prefix="harness-") as place:
        path = Path(place) / "scenario.yaml"
        path.write_text(scenario, encoding="utf-8")
        try:
            # All but software and dialect is in the text.
            verdict = launch(msgspec.structs.replace(request, scenario=str(path), seed=None, device=None, profile=None))
        except HarnessError:
            return set()
    return {each.invariant for each in verdict.findings}


def terminal_machine(terminal: str, **attributes: Any) -> type[TerminalMachine]:
    """A machine for ``terminal`` without writing a class: ``TestMine = terminal_machine("mine.py:MyTerminal").TestCase``.

    ``attributes``: any of the class, such as ``families=("power",)``. Each terminal has examples of its own in the database.
    """
    name = "TerminalMachine_" + re.sub(r"\W+", "_", "_".join(map(str, (terminal, *attributes.values())))).strip("_")
    beside = Path(sys._getframe(1).f_code.co_filename).parent
    made = type(name, (TerminalMachine,), {**attributes, "terminal": terminal, "_beside": beside})
    return cast("type[TerminalMachine]", made)


def _found(cls: type[TerminalMachine]) -> str:
    """The SPEC with its file made absolute."""
    beside = cls._beside
    if beside is None:
        try:
            beside = Path(inspect.getfile(cls)).parent
        except (OSError, TypeError):
            beside = Path.cwd()
    return _absolute(cls.terminal, beside)


def _absolute(spec: str, base: Path) -> str:
    file, colon, name = spec.rpartition(":")
    if not file.endswith(".py"):
        return spec
    place = base / file
    return f"{os.path.abspath(place if place.is_file() else file)}{colon}{name}"
