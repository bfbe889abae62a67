"""The crash models against the file systems of this kernel: some fifty cuts each here, the large counts in ``harness soak``.

Where a process may not mount, or the kernel lacks a file system, the test is skipped and says why; in CI, as root, only the
kernel may be the reason.
"""

import os
import sys

import pytest

from harness.storage.kernels.campaign import check_one, run_worker, table
from harness.storage.kernels.file_systems import FILE_SYSTEMS, FileSystem, missing, named, refused
from harness.storage.kernels.findings import Request, Tally

COPIES = 48


def skip_unless_possible(file_system: FileSystem) -> None:
    why = refused()
    if why and os.environ.get("CI") and os.geteuid() == 0:
        pytest.fail(f"root in CI is to be able to check kernels: {why}")
    if why or (why := missing(file_system)):
        pytest.skip(why)


@pytest.mark.slow
@pytest.mark.parametrize("file_system", FILE_SYSTEMS, ids=lambda each: each.name)
def test_every_state_this_kernel_shows_is_one_the_profile_allows(file_system: FileSystem) -> None:
    skip_unless_possible(file_system)
    tally = check_one(file_system, COPIES, 1, lambda _: None, count_needed=False)
    assert not tally.failed, "\n".join(finding.story for finding in tally.findings)
    assert tally.copies == tally.allowed == COPIES and len(tally.states) > 5


def test_a_check_that_breaks_off_says_why_and_is_no_end_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    tally = check_one(named("ext4"), 12, 1, lambda _: None)
    skip_unless_possible(named("ext4"))
    assert tally.copies == 0 and tally.broke_off.startswith("the kernel check of ext4 broke off")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mounted", "kinder"), [("ext4", "ext4-dioread_lock"), ("ext4-noauto_da_alloc", "xfs")], ids=lambda name: name
)
def test_a_model_kinder_than_the_kernel_is_found_out(mounted: str, kinder: str) -> None:
    """As ours was, before it knew that new blocks may read as zeros."""
    skip_unless_possible(named(mounted))
    total = Tally(mounted, kinder)
    for tally in run_worker(Request(mounted, 1, 25, 12, profile=kinder)):
        total.add(tally)
        if total.not_allowed:
            return
    pytest.fail(f"{total.copies} cuts of {mounted} and {kinder} allows them all")


def test_the_table_says_what_was_skipped_and_what_was_never_seen() -> None:
    tallies = [
        Tally("ext4", "ext4-ordered", copies=12, allowed=12, states={"a", "b"}, needed={"this": 0, "that": 3}),
        Tally("f2fs", "f2fs", skipped="this kernel has no f2fs"),
        Tally("xfs", "xfs", copies=24, allowed=24, broke_off="the kernel check of xfs broke off:\nwhy"),
    ]
    lines = table(tallies)
    assert "skipped: this kernel has no f2fs" in lines[2] and lines[3].split()[2] == "24"
    assert lines[4:] == ["the kernel check of xfs broke off:", "why", "  ext4: allowed, never seen: this"]
    assert not tallies[0].failed and not tallies[1].failed
