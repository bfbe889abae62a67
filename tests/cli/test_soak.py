"""What the large counts may call a pass."""

import pytest

from harness.cli.soak import kernel_verdict
from harness.core.errors import ExitCode
from harness.storage.kernels.findings import Tally

WHOLE = Tally("ext4", "ext4-ordered", copies=1_008)
SKIPPED = Tally("f2fs", "f2fs", skipped="this kernel has no f2fs")


@pytest.mark.parametrize(
    ("tallies", "must_run", "expected"),
    [
        ([WHOLE, SKIPPED], True, ExitCode.PASS),
        ([WHOLE, Tally("xfs", "xfs", copies=999)], False, ExitCode.INCONCLUSIVE),
        ([SKIPPED], True, ExitCode.INCONCLUSIVE),
        ([SKIPPED], False, ExitCode.PASS),
        ([WHOLE, Tally("xfs", "xfs", copies=1_008, not_allowed=1)], False, ExitCode.VIOLATED),
        ([WHOLE, Tally("xfs", "xfs", copies=1_008, undecided=1)], False, ExitCode.VIOLATED),
        ([WHOLE, Tally("xfs", "xfs", copies=1_008, damaged=1)], False, ExitCode.VIOLATED),
        ([WHOLE, Tally("xfs", "xfs", copies=1_008, broke_off="why")], False, ExitCode.HARNESS_ERROR),
    ],
)
def test_fewer_copies_than_asked_for_are_no_pass(tallies: list[Tally], must_run: bool, expected: ExitCode) -> None:
    assert kernel_verdict(tallies, 1_000, must_run=must_run) is expected
