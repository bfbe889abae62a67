"""Running a scenario from a test: in a child process with limits, as ``harness run`` does, to a result to assert on."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.reporters.failing import failure_text
from harness.testing.choices import Choices, Inconclusive, absolute_spec, choices_of, terminal_of
from harness.testing.failing import ProvesNothing, Violated
from harness.testing.keys import CURRENT, SEED

if TYPE_CHECKING:
    from harness.engine.verdict import FindingView, Status, Verdict
    from harness.scenario.resolve import Written

_NO_NAME = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Ran:
    """A run that came to a verdict."""

    verdict: Verdict
    directory: Path | None = None
    """Where history.jsonl, verdict.json and resolved.yaml are; None: nothing was kept."""
    inconclusive: Inconclusive = "fail"

    @property
    def status(self) -> Status:
        """pass, fail or inconclusive."""
        return self.verdict.status

    @property
    def passed(self) -> bool:
        """Whether it is a pass: nothing was found, and the run proves enough."""
        return self.verdict.status == "pass"

    @property
    def findings(self) -> tuple[FindingView, ...]:
        """What is wrong, in order of time."""
        return self.verdict.findings

    @property
    def story(self) -> str:
        """What happened, and the line that does the run again."""
        return failure_text(self.verdict, None if self.directory is None else str(self.directory))

    def assert_passed(self) -> None:
        """Raise with the story unless the run is a pass. Inconclusive is none: it fails, or as --harness-inconclusive says."""
        __tracebackhide__ = True
        if self.verdict.status == "fail":
            raise Violated(self.story)
        if self.verdict.status == "inconclusive":
            if self.inconclusive == "skip":
                pytest.skip(self.story.partition("\n")[0])
            if self.inconclusive == "xfail":
                pytest.xfail(self.story.partition("\n")[0])
            raise ProvesNothing(self.story)

    def assert_violates(self, *invariants: str | int) -> None:
        """Raise unless each of these invariants (by name or number) was violated: for software that is known to be wrong."""
        __tracebackhide__ = True
        found = {each.name for each in self.findings} | {each.invariant for each in self.findings}
        missing = [each for each in invariants if each not in found]
        if missing or not self.findings:
            wanted = ", ".join(str(each) for each in missing) or "any invariant"
            raise Violated(f"the run was to violate {wanted} and did not: it is {self.status}\n{self.story}")

    def properties(self) -> list[tuple[str, object]]:
        """What JUnit files say of the run."""
        verdict = self.verdict
        return [
            ("harness_verdict", verdict.status),
            ("harness_terminal", verdict.terminal),
            ("harness_seed", verdict.seed),
            ("harness_history_sha256", verdict.history_sha256),
            ("harness_replay", verdict.replay),
        ]


def launched(
    path: Path,
    choices: Choices,
    *,
    name: str,
    terminal: str | None = None,
    seed: int | None = None,
    days: int | None = None,
    terminals: int | None = None,
    profile: str | None = None,
    device: str | None = None,
    without: tuple[str, ...] = (),
) -> Ran:
    """Run the scenario in ``path``; ``name`` names the directory that it gets below --harness-out."""
    from harness.engine.launch import launch
    from harness.engine.request import RunRequest

    directory = None if choices.out is None else choices.out / _file_name(name)
    request = RunRequest(
        scenario=os.path.abspath(path),
        terminal=terminal,
        dialect=choices.dialect,
        seed=seed,
        days=days,
        terminals=terminals,
        device=device or choices.device,
        profile=profile or choices.profile,
        without=without,
        out_dir=None if directory is None else os.path.abspath(directory),
        wall_limit_s=choices.wall_limit_s,
        spin_s=min(20.0, choices.wall_limit_s),
    )
    return Ran(launch(request), directory, choices.inconclusive)


class Runner:
    """Runs for the tests of one session; heeds the markers of whichever test runs now."""

    def __init__(self, config: pytest.Config, directories: pytest.TempPathFactory) -> None:
        self._config = config
        self._directories = directories
        self._written: Path | None = None
        self._count = itertools.count(1)

    def run_scenario(
        self,
        scenario: str | Path,
        *,
        terminal: str | None = None,
        seed: int | None = None,
        days: int | None = None,
        terminals: int | None = None,
        profile: str | None = None,
        device: str | None = None,
        without: Iterable[str] = (),
    ) -> Ran:
        """Run a scenario: a shipped name, a file (beside the test, or from where pytest was started), or the text itself.

        What is not given is the test's marker's, then the command line's, then the scenario's own.
        """
        item = self._config.stash[CURRENT]
        path = self._file_of(scenario, item)
        choices = choices_of(self._config)
        bases = (item.path.parent, self._config.invocation_params.dir)
        return launched(
            path,
            choices,
            name=f"{item.nodeid}-{next(self._count)}",
            terminal=terminal_of(self._config, item) if terminal is None else absolute_spec(terminal, *bases),
            seed=_seed_of(item) if seed is None else seed,
            days=days,
            terminals=terminals,
            profile=profile,
            device=device,
            without=tuple(without),
        )

    def trading_day(
        self,
        faults: Iterable[str | Mapping[str, Written]] = (),
        *,
        sales: int = 20,
        opens: str = "09:00",
        closes: str = "11:00",
        terminal: str | None = None,
        seed: int | None = None,
        **keys: Written,
    ) -> Ran:
        """Run one terminal through one short day, from sign-on to settlement.

        ``faults``: each as a scenario has it, a mapping such as ``{"type": "power_loss", "at": {"time": "10:00"}}`` or that
        text, or only the name of a kind. ``keys``: any other key of a scenario, such as ``people={"settles_late": "100%"}``.
        """
        known: dict[str, Written] = {
            "name": self._config.stash[CURRENT].name,
            "days": {"count": 1, "open": opens, "close": closes},
            "sales_per_day": sales,
            **keys,
        }
        lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in known.items()]
        lines.append("faults:" if (planned := list(faults)) else "faults: []")
        lines += [f"  - {_fault_text(each)}" for each in planned]
        return self.run_scenario("\n".join(lines) + "\n", terminal=terminal, seed=seed)

    def _file_of(self, scenario: str | Path, item: pytest.Item) -> Path:
        if isinstance(scenario, str) and "\n" in scenario:
            return self._write(scenario, item)
        from harness.scenario.find import scenario_file

        beside = item.path.parent / scenario
        return beside if beside.is_file() else scenario_file(str(scenario))

    def _write(self, text: str, item: pytest.Item) -> Path:
        """The text in a file that outlives the run, as the line that replays it names it."""
        if self._written is None:
            self._written = self._directories.mktemp("harness")
        path = self._written / f"{_file_name(item.name)}-{next(self._count)}.yaml"
        path.write_text(text, encoding="utf-8")
        return path


def _fault_text(fault: str | Mapping[str, Written]) -> str:
    if not isinstance(fault, str):
        return json.dumps(dict(fault), ensure_ascii=False)
    return fault if fault.lstrip().startswith("{") else f"{{type: {fault}}}"


def _seed_of(item: pytest.Item) -> int | None:
    """The seed that ``item`` is parametrised with."""
    spec = getattr(item, "callspec", None)
    return None if spec is None else spec.params.get(SEED)


def _file_name(name: str) -> str:
    return _NO_NAME.sub("-", name).strip("-.")[-120:] or "run"
