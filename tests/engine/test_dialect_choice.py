"""A run with a dialect of its own can be done again, and a sweep is resumed with that dialect alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.engine.crashpoints.request import CrashRequest
from harness.engine.crashpoints.request import replay_line as crash_line
from harness.engine.launch import dialect_places
from harness.engine.request import RunRequest, replay_line
from harness.engine.sweep.work import Wanted, declare, planned, resumed

TEXT = "name: my bank\nbase: international\n"


def test_the_command_that_does_a_run_again_names_its_dialect() -> None:
    request = RunRequest(scenario="s", dialect="my bank.yaml")
    assert "--dialect 'my bank.yaml' --seed 3" in replay_line(request, "s", "t", 3)
    assert "--dialect" not in replay_line(RunRequest(scenario="s"), "s", "t", 3)
    assert "--dialect a.b:C" in crash_line(CrashRequest("s", dialect="a.b:C"), "s", "t", "sale", "fat", "00")


def test_the_child_may_read_what_holds_the_dialect() -> None:
    assert dialect_places("/a/b.yaml") == ["/a"] and dialect_places("/a/b.py:Mine") == ["/a"]
    assert dialect_places("a.b:Mine") == [] and dialect_places(None) == []


def test_a_sweep_goes_on_with_the_dialect_that_it_began_with(tmp_path: Path) -> None:
    file = tmp_path / "bank.yaml"
    file.write_text(TEXT)
    wanted = Wanted(("power/plain_counter",), dialect=str(file))
    before = declare(wanted)
    assert before.dialect == str(file) and planned(before)[0].base.dialect == str(file)
    assert resumed(before, Wanted()) == before
    with pytest.raises(UsageError, match="--dialect was"):
        resumed(before, Wanted(dialect="international"))
    file.write_text(TEXT + "refund_repeat: '94'\n")
    with pytest.raises(UsageError, match="has changed since the sweep began"):
        resumed(before, Wanted())
