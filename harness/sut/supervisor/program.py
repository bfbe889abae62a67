"""One boot of a program on a device: its pipes, its supervisor, and the two ends of the contract's lines.

Models: standard output as what the software says to its device, standard input as what the device says to it, standard error
as a console. Ends with the boot: nothing of the program is left when the fiber is unwound.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable

from harness.core.errors import HarnessError, SoftwareError
from harness.storage.inode import Directory
from harness.sut.process import Process
from harness.sut.supervisor import calls as _calls
from harness.sut.supervisor import spawn
from harness.sut.supervisor.birth import Birth
from harness.sut.supervisor.ending import SupervisorBroke
from harness.sut.supervisor.objects import Output, Pollable
from harness.sut.supervisor.procfs import anonymous_bytes
from harness.sut.supervisor.scheduler import Scheduler
from harness.sut.supervisor.spawn import Command

__all__ = ["ProgramRun"]
_ = _calls  # importing them registers the handlers


class ProgramRun:
    """``on_output`` is given what the program writes to its standard output."""

    def __init__(self, process: Process, command: Command, on_output: Callable[[bytes], None]) -> None:
        self.process = process
        process.guarded = False
        self.command = command
        self.scheduler = Scheduler(process, command.code)
        self.scheduler.on_output = self._output
        self.scheduler.before_waiting = self._flush
        self._on_output = on_output
        self._pending = bytearray()
        self._input = -1
        self._birth: Birth | None = None

    def send(self, data: bytes) -> None:
        """Bytes for the program's standard input."""
        self._pending += data
        self._flush()
        self.scheduler.time.notify()

    def held_bytes(self) -> int:
        """Anonymous memory of all programs of this boot that is in use."""
        return sum(anonymous_bytes(each.pid) for each in self.scheduler.lives.programs.values() if each.alive)

    def run(self) -> None:
        """Start the program and run it; returns by an exception alone."""
        try:
            self._start()
            self.scheduler.run()
        except (SoftwareError, HarnessError):
            raise
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            raise SupervisorBroke(
                f"the supervisor of {self.command.path} failed at {place.name} ({os.path.basename(place.filename)}:"
                f"{place.lineno}): {type(error).__name__}: {error}"
            ) from error
        finally:
            self.scheduler.end()
            if self._input >= 0:
                os.close(self._input)
                self._input = -1

    def _start(self) -> None:
        standard_input, self._input = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._input, False)
        # Nothing is ever written to these: the calls are answered before they get there.
        out_reader, out = os.pipe2(os.O_CLOEXEC)
        error_reader, error = os.pipe2(os.O_CLOEXEC)
        self.scheduler.keep(out_reader, error_reader)
        pid, listener, self._birth = spawn.start(self.command, (standard_input, out, error))
        program = self.scheduler.adopt(pid, listener, self.process.pid)
        root = self.process.disk.locate("/")
        assert isinstance(root, Directory)
        program.directory = root
        program.install(0, Pollable(standard_input), close_on_exec=False)
        program.install(1, Output(out, "stdout"), close_on_exec=False)
        program.install(2, Output(error, "stderr"), close_on_exec=False)

    def _output(self, stream: str, data: bytes) -> None:
        if stream == "stdout":
            self._on_output(data)
        else:
            self.process.console.write(stream, data.decode("utf-8", "replace"))

    def _flush(self) -> None:
        while self._pending and self._input >= 0:
            try:
                written = os.write(self._input, self._pending[:65_536])
            except (BlockingIOError, BrokenPipeError):
                return
            del self._pending[:written]
