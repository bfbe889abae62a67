"""The reference terminal on the crash profiles of the harness: what a cut leaves there is reordered and torn, not merely lost."""

import pytest
from terminal_disk_bench import DiskBench
from terminal_judge import disagreements, run_with_cut, settle

from harness.terminals.mutants.no_fsync import NoFsync
from harness.terminals.reference import ReferenceTerminal


def losses(tmp_path, kind, profile, seeds, step):
    """What is found wrong over cuts at every ``step``-th strike; stops when the day has no more strikes."""
    found = []
    at = 0
    while True:
        at += step
        for seed in range(seeds):
            bench = DiskBench(tmp_path / f"{profile}{at}.{seed}", profile)
            if not run_with_cut(bench, kind, at, f"{at}/{seed}"):
                assert at > 50
                return found
            wrong = disagreements(bench)
            wrong += settle(bench)
            found += [(at, seed, each) for each in wrong]


@pytest.mark.parametrize("profile", ["posix-weak", "ext4-ordered", "fat"])
def test_a_cut_anywhere_loses_nothing_on(tmp_path, profile):
    assert losses(tmp_path, ReferenceTerminal, profile, seeds=1, step=2) == []


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["posix-weak", "ext4-ordered", "fat"])
def test_whatever_a_cut_may_leave_is_survived_on(tmp_path, profile):
    assert losses(tmp_path, ReferenceTerminal, profile, seeds=6, step=1) == []


def test_without_fsync_the_same_cuts_lose_money(tmp_path):
    assert losses(tmp_path, NoFsync, "posix-weak", seeds=1, step=9) != []
