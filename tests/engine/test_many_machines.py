"""Sweeps on a cluster: two worker processes on this machine, a scheduler that goes away, and what is wrong with a cluster."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.core.errors import ExitCode, UsageError
from harness.engine.sweep.executors import ExecutorGone
from harness.engine.sweep.summary import summary_of
from harness.engine.sweep.work import Sweep, Wanted, declare, planned
from harness.results.model import RunRow
from harness.results.store import Store
from harness.terminals.small_scenarios import hour

pytest.importorskip("distributed")
pytestmark = pytest.mark.soak

from harness.engine.sweep.many_machines import DaskExecutor  # noqa: E402

RUNS = 6


class Cluster:
    """A scheduler and two workers, each a process of its own."""

    def __init__(self, place: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        self._place = place
        command = ["scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
        self.scheduler = self._started(*command)
        worker = ["worker", self.address, "--nthreads", "1", "--no-dashboard", "--local-directory", str(place)]
        self.workers = [self._started(*worker) for _ in range(2)]

    def _started(self, *arguments: str) -> subprocess.Popen[bytes]:
        log = (self._place / "cluster.log").open("ab")
        return subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]], stdout=log, stderr=log
        )

    def executor(self) -> DaskExecutor:
        """Once both workers are there."""
        deadline_s = time.monotonic() + 120
        while True:
            try:
                found = DaskExecutor(self.address)
                if found.jobs == 2:
                    return found
                found.close()
            except UsageError:
                pass
            assert time.monotonic() < deadline_s, (self._place / "cluster.log").read_text()
            time.sleep(0.5)

    def end(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.terminate()
        for process in (*self.workers, self.scheduler):
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    (tmp_path / "cluster").mkdir()
    found = Cluster(tmp_path / "cluster")
    yield found
    found.end()


def swept(
    directory: Path, scenario: Path, executor: DaskExecutor | None, after: int = 99, then: Cluster | None = None
) -> list[RunRow]:
    declared = declare(Wanted((str(scenario),), RUNS))
    directory.mkdir(exist_ok=True)
    is_begun = (directory / "results.sqlite").exists()
    with Store.resume(directory) if is_begun else Store.create(directory, declared) as store:
        done: list[RunRow] = []

        def told(row: RunRow) -> None:
            done.append(row)
            if len(done) == after and then is not None:
                then.scheduler.kill()

        Sweep(declared, planned(declared), store, 1, executor=executor).run(told)
        assert summary_of(store).exit_code == ExitCode.PASS
        return list(store.runs())


def test_a_cluster_comes_to_the_same_as_this_machine_and_one_that_goes_away_loses_nothing(
    tmp_path: Path, cluster: Cluster
) -> None:
    scenario = tmp_path / "s.yaml"
    scenario.write_text(hour("faults: [{type: crash, at: {action: sale, occurrence: 2}}]"))
    here = swept(tmp_path / "here", scenario, None)
    executor = cluster.executor()
    # Rows are the same to the last byte, replay lines included: nothing says where a run was run.
    assert swept(tmp_path / "there", scenario, executor) == here and len(here) == RUNS
    with pytest.raises(ExecutorGone, match=r"went away .*; finished runs are kept: go on with --resume"):
        swept(tmp_path / "parts", scenario, executor, 2, cluster)
    executor.close()
    with Store.read(tmp_path / "parts") as store:
        kept = list(store.runs())
        assert 2 <= len(kept) < RUNS and all(row in here for row in kept)
    assert swept(tmp_path / "parts", scenario, None) == here


def test_nobody_at_the_address_is_told() -> None:
    with pytest.raises(
        UsageError, match=r"no scheduler answers at tcp://127.0.0.1:9 .*start one with `dask scheduler`"
    ):
        DaskExecutor("tcp://127.0.0.1:9")
