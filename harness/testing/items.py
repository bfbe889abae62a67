"""Scenario files as pytest knows test files: a collector a file, a test a seed.

A file that cannot be read is an error of collection that says every line and column. Tests fail with the story of the
finding, not with a traceback through the harness.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import HarnessError
from harness.testing.choices import choices_of, seeds_asked, terminal_asked
from harness.testing.failing import Failed, represented
from harness.testing.running import Ran, launched


def collector(file_path: Path, parent: pytest.Collector) -> ScenarioFile:
    """The collector of a scenario file, named so that it can be told from others wherever it lies."""
    root = parent.config.rootpath
    if file_path.is_relative_to(root):
        return ScenarioFile.from_parent(parent, path=file_path)
    from harness.scenario.find import scenarios_root

    shipped = scenarios_root()
    name = file_path.relative_to(shipped) if file_path.is_relative_to(shipped) else Path(*file_path.parts[-2:])
    return ScenarioFile.from_parent(parent, path=file_path, nodeid=f"scenarios/{name.as_posix()}")


class ScenarioFile(pytest.File):
    """One scenario; a test for each seed."""

    def collect(self) -> Iterator[ScenarioTest]:
        """The tests, once the file has been read and found without mistakes."""
        from harness.scenario.load import load_text, read_text
        from harness.scenario.resolve import RAN

        shown = os.path.relpath(self.path, self.config.invocation_params.dir)
        try:
            text = read_text(self.path)
            plan = load_text(text, shown, json=self.path.suffix == ".json")
        except HarnessError as error:
            raise self.CollectError(str(error)) from None
        if RAN in text and terminal_asked(self.config) is None:
            ran = text.partition(RAN)[2].partition("\n")[0]
            self.warn(
                pytest.PytestWarning(
                    f"{shown} is a run of {ran}, and nothing says what to run: it runs {plan.software}; "
                    f"name the software with --harness-terminal or harness_terminal"
                )
            )
        stem = self.path.name.partition(".")[0]
        for seed in seeds_asked(self.config) or (1 if plan.seed is None else plan.seed,):
            yield ScenarioTest.from_parent(self, name=f"{stem}[seed{seed}]", seed=seed)


class ScenarioTest(pytest.Item):
    """One scenario with one seed: passes when its verdict is a pass, and never otherwise."""

    def __init__(self, *, seed: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.add_marker("harness_scenario")

    def runtest(self) -> None:
        """Run it in a process of its own."""
        choices = choices_of(self.config)
        ran: Ran = launched(self.path, choices, terminal=terminal_asked(self.config), seed=self.seed, name=self.nodeid)
        self.user_properties += ran.properties()
        ran.assert_passed()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The story; a mistake of the user in words; anything else as Python tells it."""
        if isinstance(excinfo.value, Failed | HarnessError):
            return represented(excinfo.value, self.path)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it stands, and its name."""
        return self.path, 0, f"scenario {self.name}"
