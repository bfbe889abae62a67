"""Terminal software that is a program of its own: ``exec:COMMAND ARGUMENTS`` as a SPEC.

Models: any executable of this machine, run unmodified under the supervisor; what it declares comes from a manifest beside it
(``PROGRAM.manifest.yaml``, beside the program or a file among its arguments) or from ``COMMAND --manifest``; its records from
``COMMAND --inspect DIR``. Does not model: software installed on a volume of the device, or for another architecture.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harness.contract import Inspection
from harness.core.errors import HarnessError, SoftwareError, UsageError
from harness.sut import current
from harness.sut.console import presentable
from harness.sut.modules import ModuleTable
from harness.sut.software import RunningTerminal, Software
from harness.sut.supervisor import authority, images, probe, secure
from harness.sut.supervisor.alone import output_of
from harness.sut.supervisor.program import ProgramRun
from harness.sut.supervisor.spawn import Command
from harness.sut.virtual.clock import ZONE
from harness.sut.wire import Wire
from harness.sut.wire.inspection_file import read_inspection
from harness.sut.wire.manifest_file import SUFFIX, Declared, read_manifest

if TYPE_CHECKING:
    from harness.contract import Device

PREFIX = "exec:"
_SHOWN_CHARACTERS_MAX = 80
_SHOWN_BYTES_MAX = 1_000
FILE_BYTES_MAX = 1 << 30
"""A file of the program's own making; there is no room for larger ones on any device."""


def is_program(spec: str) -> bool:
    """Whether a SPEC names a program."""
    return spec.startswith(PREFIX)


@dataclass(frozen=True, slots=True)
class ProgramSoftware(Software):
    """``Software`` whose boots are processes."""

    command: Command | None = None
    declared: Declared | None = field(default=None, compare=False, repr=False)

    @property
    def is_program(self) -> bool:
        return True

    def table(self) -> ModuleTable | None:
        """A program has modules of its own."""
        return None

    def start(self, device: Device) -> RunningTerminal:
        """A boot: it begins with ``run``."""
        assert self.command is not None and self.declared is not None
        return Firmware(self.command, self.declared, device)

    def _inspect(self, image: Mapping[str, bytes]) -> Inspection | None:
        assert self.command is not None
        asked = _with_arguments(self.command, ("--inspect", "/"))
        output, ended, said = output_of(asked, image)
        said = said or _beginning(output)
        if ended:
            raise SoftwareError(f"--inspect: {ended}" + (f" ({said})" if said else ""))
        if not output.strip():
            raise SoftwareError("--inspect: it printed nothing")
        try:
            return read_inspection(output, "--inspect")
        except SoftwareError as error:
            raise SoftwareError(f"{error}; it printed {_beginning(output)}") from None


class Firmware:
    """One boot of a program: its lines on one side, the device on the other."""

    def __init__(self, command: Command, declared: Declared, device: Device) -> None:
        self._command = command
        self._declared = declared
        self._device = device
        self._program: ProgramRun | None = None

    def held_bytes(self) -> int:
        """Memory of the program's own, and of all that it started."""
        return 0 if self._program is None else self._program.held_bytes()

    def run(self) -> None:
        """Ends by an exception: the program's end, a breach, or the boot's."""
        process = current.running()
        boot = _with_environ(self._command, {**process.environ, **(authority.ENVIRON if self._declared.tls else {})})
        program: ProgramRun
        wire = Wire(
            self._device,
            lambda data: program.send(data),  # noqa: PLW0108 - it is made after the wire
            lambda body: process.spawn(body, at_once=True),
            violated=self._violated,
            log=process.console.line,
            text=self._declared.text,
            in_place=True,
        )
        program = self._program = ProgramRun(process, boot, wire.feed)
        program.scheduler.is_answered_now = lambda: wire.about_to_begin > 0
        program.scheduler.console_is_terminal = self._declared.text is not None
        if self._declared.tls:
            secure.put_before(program.scheduler)
        if process.on_refused is not None:
            program.scheduler.on_refused = process.on_refused
        wire.start()
        try:
            program.run()
        finally:
            wire.close()

    def _violated(self, detail: str) -> None:
        violated = getattr(self._device, "breach", None)
        if violated is not None:
            violated(detail)


def _beginning(output: bytes) -> str:
    """The first of what it printed, as it may be shown."""
    line = output[:_SHOWN_BYTES_MAX].decode("utf-8", "replace").strip().partition("\n")[0]
    return presentable(line, _SHOWN_CHARACTERS_MAX)


def _with_arguments(command: Command, more: tuple[str, ...]) -> Command:
    return Command(command.path, (*command.arguments, *more), command.environ, command.code, file_bytes=FILE_BYTES_MAX)


def _with_environ(command: Command, environ: Mapping[str, str]) -> Command:
    return Command(
        command.path,
        command.arguments,
        {"TZ": ZONE, **environ, **command.environ},
        command.code,
        file_bytes=FILE_BYTES_MAX,
    )


def load_program(spec: str) -> ProgramSoftware:
    """The program that ``exec:COMMAND ARGUMENTS`` names. UsageError for what cannot run, or declares nothing."""
    try:
        words = shlex.split(spec.removeprefix(PREFIX))
    except ValueError as error:
        raise UsageError(f"{spec}: {error}; quote it as for a shell") from None
    if not words:
        raise UsageError(f"{spec!r} names no program; give exec:COMMAND ARGUMENTS")
    why_not = probe.why_not()
    if why_not is not None:
        raise HarnessError(f"{spec}: {why_not} (harness doctor says more)")
    found = shutil.which(words[0])
    if os.path.isdir(words[0]):
        raise UsageError(f"{spec}: {words[0]} is a directory; name the program in it")
    if found is None and os.path.exists(words[0]):
        raise UsageError(f"{spec}: {words[0]} is no program: it is not executable (chmod +x makes it so)")
    if found is None:
        raise UsageError(f"{spec}: there is no program {words[0]!r}; give its path, or a name that is on PATH")
    path = os.path.abspath(found)
    try:
        images.check_program(path)
    except OSError as error:
        raise UsageError(f"{spec}: {path} cannot be run: {error.strerror}") from None
    files = [os.path.abspath(each) for each in words[1:] if os.path.isfile(each)]
    arguments = [path, *(os.path.abspath(each) if os.path.isfile(each) else each for each in words[1:])]
    command = Command(path, tuple(arguments), {}, _code_of(path, files), file_bytes=FILE_BYTES_MAX)
    declared = _declared(spec, command, [*reversed(files), path])
    return ProgramSoftware(
        spec=spec,
        name=declared.manifest.name,
        manifest=declared.manifest,
        module_name="",
        class_name="",
        file=files[0] if files else path,
        search_path=(),
        catalogue_table=ModuleTable({}, {}),
        command=command,
        declared=declared,
    )


def _code_of(path: str, files: list[str]) -> tuple[str, ...]:
    """The working directory, where a program and its files are, and for one in a ``bin`` what it was installed with.

    Where the harness itself is, too: ``python -m harness.contract.stdio`` is one of the programs.
    """
    places: dict[str, None] = {os.getcwd(): None, str(Path(__file__).parents[2]): None}
    for each in (path, os.path.realpath(path)):
        directory = os.path.dirname(each)
        places[os.path.dirname(directory) if os.path.basename(directory) == "bin" else directory] = None
    for each in files:
        places[os.path.dirname(each)] = None
        places[os.path.dirname(os.path.realpath(each))] = None
    return tuple(each for each in places if each not in ("/", "/usr", ""))


def _declared(spec: str, command: Command, beside: list[str]) -> Declared:
    for each in beside:
        place = Path(each + SUFFIX)
        if place.is_file():
            return read_manifest(place.read_bytes(), str(place))
    output, ended, said = output_of(_with_arguments(command, ("--manifest",)), {})
    if ended or not output.strip():
        why = ended or "it printed nothing"
        raise UsageError(
            f"{spec}: no manifest: there is no file {beside[0]}{SUFFIX}, and of {command.path} --manifest: {why}"
            + (f" ({presentable(said)})" if said else "")
        )
    return read_manifest(output, f"{spec} --manifest", json=True)
