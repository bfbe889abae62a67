"""Running a program to its end on a device of its own, with nobody to talk to: to ask it something.

Models: one volume with the files given, virtual time, no network. Bounded in output and in virtual time.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.core.environment import Environment
from harness.storage.disk import Disk
from harness.storage.volume import Volume
from harness.sut import deaths
from harness.sut.console import Console
from harness.sut.process import Process
from harness.sut.supervisor.ending import ProgramEnded, ProgramFailed, Stuck
from harness.sut.supervisor.program import ProgramRun
from harness.sut.supervisor.spawn import Command

OUTPUT_BYTES_MAX = 16 << 20
_VOLUME_BYTES = 1 << 30
_PATIENCE_US = 600 * 1_000_000
_START_US = 1_700_000_000_000_000


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program came to its end: in words ("" when well), the last of its standard error, and what it asked in vain."""

    words: str
    said: str
    refused: tuple[str, ...]


def output_of(command: Command, files: Mapping[str, bytes]) -> tuple[bytes, str, str]:
    """What a command prints, how it ended in words ("" when well), and the last of what it said on standard error."""
    volume = Volume("files", "/", _VOLUME_BYTES)
    disk = Disk([volume])
    for path, content in files.items():
        _put(disk, path, content)
    disk.abandon_process()
    output = bytearray()
    ended = run_to_end(command, [volume], output.extend)
    return bytes(output), ended.words, ended.said


def run_to_end(command: Command, volumes: Sequence[Volume], on_output: Callable[[bytes], None]) -> Ended:
    """Run a command on these volumes, which keep what it leaves there; ``on_output`` gets what it prints, as it prints it."""
    env = Environment()
    disk = Disk(volumes, now_us=lambda: _START_US + int(env.now))
    lines: list[str] = []
    process = Process(
        env,
        name="alone",
        pid=300,
        disk=disk,
        network=None,
        wall_clock=lambda now_us: _START_US + now_us,
        entropy=random.Random("alone"),
        console=Console(lines.append),
        environ={},
    )
    printed_bytes = 0

    def take(data: bytes) -> None:
        nonlocal printed_bytes
        printed_bytes += len(data)
        if printed_bytes > OUTPUT_BYTES_MAX:
            raise Stuck(f"it printed more than {OUTPUT_BYTES_MAX >> 20} MiB")
        on_output(data)

    refused: list[str] = []
    run = ProgramRun(process, command, take)
    run.scheduler.on_refused = refused.append
    ended: list[str] = []

    def body() -> None:
        try:
            run.run()
        except ProgramEnded as end:
            ended.append("" if end.status == 0 else str(end))
        except ProgramFailed as failed:
            ended.append(str(failed))
        except deaths.ProcessEnded:
            ended.append("it did not come to an end")

    process.spawn(body)
    env.timeout(_PATIENCE_US)
    while env.peek() <= _PATIENCE_US and not ended:
        env.step()
    if not ended:
        process.die(lambda: deaths.ProcessEnded("out of patience"), power=False)
        process.reap()
    process.console.close(lost=False)
    disk.restart()  # which gives back what was deleted while it was open
    return Ended((ended or ["it did not come to an end"])[0], "; ".join(lines[-3:]), tuple(refused))


def _put(disk: Disk, path: str, content: bytes) -> None:
    parts = path.strip("/").split("/")[:-1]
    for count in range(1, len(parts) + 1):
        try:
            disk.mkdir("/" + "/".join(parts[:count]))
        except FileExistsError:
            pass
    descriptor = disk.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    if content:
        disk.write(descriptor, content)
    disk.close(descriptor)
