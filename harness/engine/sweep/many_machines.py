"""``--executor dask``: runs on the workers of a Dask cluster, which may be other machines.

Models: each run sent whole, its scenario's text with it; workers that die, whose runs Dask gives to others; a scheduler that goes
away, which ends the sweep with everything kept that was finished. Workers need this version of the harness, and the terminal
software where the SPEC says, with the same content: what differs is refused.
Does not model: software or dialects that are sent along.
Source: Dask distributed, https://distributed.dask.org (Client.submit, Future.result, KilledWorker).
"""

from __future__ import annotations

import importlib
import importlib.util
import tempfile
from concurrent.futures import CancelledError
from importlib import metadata
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec

from harness.core.errors import ExitCode, HarnessError, NothingSelected, UsageError
from harness.engine.launch import launch
from harness.engine.request import Finished, Refused, RunRequest
from harness.engine.sweep.declare import software_digest
from harness.engine.sweep.executors import ExecutorGone
from harness.engine.verdict import Verdict
from harness.scenario.load import read_text

_CONNECT_S = 10


class Parcel(msgspec.Struct, frozen=True):
    """One run as it travels. ``digest``: of the software's file, as ``Declared`` has it."""

    request: RunRequest
    text: str
    version: str
    digest: str


def run_parcel(parcel: Any) -> Any:
    """On a worker: a Parcel in, a Finished or a Refused out, both as plain data, so that no class of ours need travel."""
    sent = msgspec.convert(parcel, Parcel)
    try:
        return msgspec.to_builtins(Finished(_run(sent)))
    except HarnessError as error:
        return msgspec.to_builtins(Refused(str(error), int(error.exit_code)))


def _run(sent: Parcel) -> Verdict:
    here = metadata.version("terminal-fault-harness")
    if here != sent.version:
        raise UsageError(f"a worker has version {here} of the harness, this is {sent.version}; install the same on all")
    terminal = sent.request.terminal or ""
    if software_digest(terminal) != sent.digest:
        raise UsageError(
            f"a worker has another {terminal} than this machine, or none; put the same file in the same place"
        )
    with tempfile.TemporaryDirectory(prefix="harness-") as place:
        path = Path(place) / Path(sent.request.scenario).name
        path.write_text(sent.text, encoding="utf-8")
        verdict = launch(msgspec.structs.replace(sent.request, scenario=str(path)))
        return msgspec.structs.replace(verdict, replay=verdict.replay.replace(str(path), sent.request.scenario))


class DaskExecutor:
    """Raises UsageError when Dask is not installed, or nobody answers at ``address``."""

    def __init__(self, address: str) -> None:
        if importlib.util.find_spec("distributed") is None:
            raise UsageError("--executor dask needs Dask: pip install 'terminal-fault-harness[dask]'")
        # Any, whether it is installed where types are checked or not.
        self._dask: Any = importlib.import_module("distributed")
        self._address = address
        try:
            self._client = self._dask.Client(address, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise UsageError(
                f"no scheduler answers at {address} ({str(error).splitlines()[0][:120]}); start one with `dask scheduler`"
            ) from None
        self._jobs: int = sum(self._client.nthreads().values())
        if not self._jobs:
            self.close()
            raise UsageError(f"the scheduler at {address} has no workers; start some with `dask worker {address}`")
        self._futures: set[Any] = set()
        self._lock = Lock()
        self._stopped = False

    @property
    def jobs(self) -> int:
        return self._jobs

    def run(self, request: RunRequest) -> Verdict:
        sent = Parcel(
            request,
            read_text(Path(request.scenario)),
            metadata.version("terminal-fault-harness"),
            software_digest(request.terminal or ""),
        )
        try:
            future = self._client.submit(run_parcel, msgspec.to_builtins(sent), pure=False)
            with self._lock:
                self._futures.add(future)
            try:
                if self._stopped:
                    future.cancel()
                answer = msgspec.convert(future.result(), Finished | Refused)
            finally:
                with self._lock:
                    self._futures.discard(future)
                future.release()
        except self._dask.KilledWorker as error:
            raise HarnessError(f"workers died of this run, one after the other: {str(error).splitlines()[0]}") from None
        except (CancelledError, TimeoutError, OSError, RuntimeError) as error:
            raise ExecutorGone(
                f"the scheduler at {self._address} went away ({type(error).__name__}); finished runs are kept: "
                f"go on with --resume when it is back"
            ) from None
        if isinstance(answer, Finished):
            return answer.verdict
        kinds = {ExitCode.USAGE: UsageError, ExitCode.NOTHING_SELECTED: NothingSelected}
        raise kinds.get(ExitCode(answer.exit_code), HarnessError)(answer.message)

    def stop(self) -> None:
        """What workers have under way they finish, and nobody waits for it."""
        self._stopped = True
        for future in tuple(self._futures):
            try:
                future.cancel()
            except Exception:
                pass  # there is nobody to be told any more

    def close(self) -> None:
        """Let go of the scheduler."""
        try:
            self._client.close(timeout=2)
        except Exception:
            pass
