"""The reference terminal, cut at every write, fsync, message, screen and slip of a day, and cut again while recovering."""

import pytest
from terminal_judge import disagreements, run_with_cut, secrets_on_disk, settle

from harness.terminals.reference import ReferenceTerminal


@pytest.mark.parametrize("unsynced", ["lost", "kept", "torn"])
def test_a_cut_anywhere_in_the_day_costs_nobody_anything(make_bench, unsynced):
    at = 0
    while True:
        at += 1
        bench = make_bench()
        if not run_with_cut(bench, ReferenceTerminal, at, unsynced):
            break
        story = f"cut at {at} ({bench.calls[-1] if bench.calls else ''}), unsynced writes {unsynced}"
        assert disagreements(bench) == [], story
        assert bench.act("sale", 123).kind == "approved", story
        assert settle(bench) == [], story
        assert secrets_on_disk(bench) == [], story
    assert at > 120


@pytest.mark.slow
@pytest.mark.parametrize("at", range(10, 130, 7))
def test_a_second_cut_while_recovering_changes_nothing(make_bench, at):
    for second_at in range(1, 30):
        bench = make_bench()
        assert run_with_cut(bench, ReferenceTerminal, at, "lost", second_at)
        assert disagreements(bench) == [], (at, second_at)
        assert settle(bench) == [], (at, second_at)
