"""The same crash points give the same report, byte for byte, in two processes with other hash seeds."""

import msgspec
import pytest

from harness.engine.crashpoints.request import CrashRequest, Explored
from harness.sut.limits import Limits, run_limited
from tests.engine.small_runs import SCENARIOS


def report(hash_seed: int, request: CrashRequest) -> bytes:
    ended = run_limited(
        "harness.engine.crashpoints.child:execute",
        msgspec.to_builtins(request),
        limits=Limits(wall_s=120.0, memory_bytes=4 << 30),
        environ={"PYTHONHASHSEED": str(hash_seed)},
    )
    assert ended.reason == "finished", ended.detail
    return msgspec.json.encode(msgspec.convert(ended.result, Explored, str_keys=True).report)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("terminal", "profiles", "depth"),
    [("rewritten_in_place", ("fat", "xfs"), 1), ("filequeue", ("posix-weak",), 1), ("reference", ("f2fs",), 2)],
)
def test_hash_seeds_change_nothing(terminal, profiles, depth):
    request = CrashRequest(
        scenario=str(SCENARIOS / "power" / "plain_counter.yaml"),
        terminal=terminal,
        flows=("sale",),
        profiles=profiles,
        depth=depth,
        images_limit=12,
        states_limit=20,
    )
    first, second = report(1, request), report(77, request)
    assert first == second and len(first) > 1_000
