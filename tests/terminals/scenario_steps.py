"""What scenarios of the bench share."""

import os
import subprocess
from contextlib import contextmanager

import pytest
from terminal_bench import TID


def start(bench, kind, *amounts):
    bench.boot(kind)
    assert bench.act("sign_on").kind == "done"
    for amount in amounts:
        assert bench.act("sale", amount).kind == "approved"


def unproven(bench, before):
    closed = {settlement.batch for settlement in bench.host.settlements()}
    after = bench.inspect()
    return ["cleared without proof"] if after.batch != before and before not in closed else []


def still_taken(bench):
    """What the host took for the sale in doubt, once there is nothing left to do."""
    bench.idle()
    bench.act("sale", 300)
    taken = [entry for entry in bench.host.entries() if entry.stan == "000003" and entry.state == "APPROVED"]
    return [f"{entry.amount_fen} fen taken" for entry in taken]


def wrong_batch(bench):
    batch = bench.inspect().batch
    return [] if batch == bench.host.batch_number(TID) else [f"batch {batch}"]


@contextmanager
def small_volume(directory, size_bytes):
    """A real file system of that size."""
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    options = ["-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(directory)]
    if subprocess.run(["mount", *options], capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a tmpfs is not allowed here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(directory)], check=True)
