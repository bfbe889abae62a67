"""The gate: every call that terminal software makes into its disk, its device and its link, seen before it is made.

Models: the calls as the software makes them, one after another; what a call does inside itself (a copy that reads and writes,
a reboot that writes back) is part of it and no call of its own. Calls of the harness (inspection, a clean shutdown) and of
finalisers that run while no software does go by unseen. Each boot brings a disk and a device of its own: they are fitted
before the software starts.
Does not model: calls that keep nothing and cannot fail (close, lseek, dup, umask), time, threads, randomness.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from harness.device.cpu import Cpu
from harness.device.facade import DeviceFacade, StationCallbacks
from harness.device.text_map import NO_MAP, TextMap
from harness.engine.crashpoints.scene import Scene
from harness.sut import current
from harness.sut.wordlist import words

if TYPE_CHECKING:
    from harness.network.connection import Connection
    from harness.network.lane import Keys
    from harness.storage.disk import Disk
    from harness.sut.fiber import Fiber

Room: TypeAlias = Literal["storage", "device", "link"]
Proceed: TypeAlias = Callable[[], Any]
"""Makes the call; what it gives is the call's own affair."""

LOOK_UPS = words("stat lstat access listdir scandir readlink chdir")
"""Calls that read a directory or an inode from the medium."""
READS = words("read readinto readv pread preadv")
WRITES = words("write writev pwrite pwritev sendfile copy_file_range")
BARRIERS = words("fsync fdatasync sync")
CHANGES = words(
    "mkdir rmdir unlink remove rename replace link symlink truncate ftruncate posix_fallocate chmod fchmod utime"
)
_OF_THE_KERNEL = words("fstat statvfs fstatvfs")
"""Answered from what the kernel holds in memory: no error of the medium can come of them."""
_ON_DISK = ("open", *LOOK_UPS, *READS, *WRITES, *BARRIERS, *CHANGES, *_OF_THE_KERNEL)
_ON_DEVICE = {
    "": ("next_event", "finish", "probe", "reboot"),
    "display": ("show",),
    "printer": ("print",),
    "card": ("read",),
    "pin_pad": ("load_key", "has_key", "mac", "pin_block", "encrypt", "decrypt"),
    "nvram": ("read", "write"),
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call about to be made. ``part`` is the peripheral of a device call; ``receiver`` whom it is made on."""

    room: Room
    name: str
    part: str
    receiver: object
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]

    @property
    def first(self) -> Any:
        """The first argument, whether by place or by name; None without any."""
        if self.arguments:
            return self.arguments[0]
        return next(iter(self.keywords.values()), None)


Guard: TypeAlias = Callable[[Call, Proceed], Any]
"""Told of each call; makes it by calling ``proceed``, or does not. What it gives or raises is what the software gets."""


class Gate:
    """Fitted to a scene before its first boot. Without a ``guard`` all calls pass."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.guard: Guard | None = None
        self._inside: set[Fiber] = set()
        hardware = scene.hardware
        boot = hardware.boot

        def booted(
            cpu: Cpu, callbacks: StationCallbacks, dead_error: type[BaseException], texts: TextMap = NO_MAP
        ) -> DeviceFacade:
            facade = boot(cpu, callbacks, dead_error, texts)
            self._fit_disk(hardware.disk)
            self._fit_device(facade)
            return facade

        hardware.boot = booted  # type: ignore[method-assign]
        self._fit_link()

    # ------------------------------------------------------------ fitting

    def _fit_disk(self, disk: Disk) -> None:
        for name in _ON_DISK:
            self._wrap(disk, name, "storage", "")

    def _fit_device(self, facade: DeviceFacade) -> None:
        for part, names in _ON_DEVICE.items():
            receiver = getattr(facade, part) if part else facade
            for name in names:
                self._wrap(receiver, name, "device", part)

    def _fit_link(self) -> None:
        link = self.scene.hardware.link
        self._wrap(link, "connect", "link", "")
        opened = link.opened

        def fitted(keys: Keys) -> Connection:
            connection = opened(keys)
            self._wrap(connection, "send", "link", "")
            self._wrap(connection, "receive", "link", "")
            return connection

        link.opened = fitted  # type: ignore[method-assign]

    def _wrap(self, receiver: object, name: str, room: Room, part: str) -> None:
        make = getattr(receiver, name)

        def guarded(*arguments: Any, **keywords: Any) -> Any:
            guard = self.guard
            fiber = self._caller()
            if guard is None or fiber is None or fiber in self._inside:
                return make(*arguments, **keywords)
            self._inside.add(fiber)
            try:
                call = Call(room, name, part, receiver, arguments, keywords)
                return guard(call, lambda: make(*arguments, **keywords))
            finally:
                self._inside.discard(fiber)

        setattr(receiver, name, guarded)

    def _caller(self) -> Fiber | None:
        """The fiber of the software that is calling; None when the harness is, or the dead."""
        process = self.scene.station.process
        if process is None or current.process is not process or process.dead:
            return None
        return process.fiber
