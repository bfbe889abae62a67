"""The bench on a virtual disk with the crash profiles of the harness, instead of a real directory and a small crash model."""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from terminal_bench import Bench

from harness.contract import Inspection
from harness.storage.disk import Disk
from harness.storage.image import Image
from harness.storage.powerloss import VolumeAtCut, cut_power
from harness.storage.profiles import registry
from harness.storage.volume import Volume
from harness.terminals.reference import journal, journal_file


class _RoutedOs:
    """The journal's and its files' ``os``: the disk's calls where it has them, the real module's names for the rest."""

    def __init__(self, bench: DiskBench) -> None:
        self._bench = bench

    def __getattr__(self, name: str) -> object:
        found = getattr(self._bench.disk, name, None)
        return getattr(os, name) if found is None else found


class DiskBench(Bench):
    """``cut`` takes a seed: which of the images that the profile allows is found at the next boot."""

    def __init__(self, directory, profile: str, size_bytes: int = 1 << 20) -> None:
        super().__init__(directory)
        self.profile = registry.get(profile)
        self.base = Image()
        self.disk = self._watched(Disk([Volume("data", "/data", size_bytes)]))

    def _watched(self, disk: Disk) -> Disk:
        disk.before_operation = lambda call: self.strike(str(call.kind))
        return disk

    def volumes(self) -> dict[str, str]:
        return {"data": "/data"}

    @contextmanager
    def routed(self) -> Iterator[None]:
        real = socket.create_connection, time.monotonic
        clock = iter(range(10**9))
        journal.os = journal_file.os = _RoutedOs(self)  # type: ignore[assignment]
        socket.create_connection = self._connect  # type: ignore[assignment]
        time.monotonic = lambda: next(clock) / 1000
        try:
            yield
        finally:
            journal.os = journal_file.os = os
            socket.create_connection, time.monotonic = real

    def cut(self, unsynced: str) -> None:
        volume = self.disk.volume("data")
        at_cut = VolumeAtCut("data", self.profile, self.base, tuple(volume.log))
        loss = cut_power([at_cut], random.Random(unsynced).getrandbits(32))
        self.base = loss.images["data"]
        self.disk = self._watched(self.disk.load(dict(loss.images)))
        self.terminal = None

    def inspect(self) -> Inspection:
        assert self.terminal is not None
        with self.routed():
            image = {}
            for name in sorted(self.disk.listdir("/data")):
                descriptor = self.disk.open(f"/data/{name}", os.O_RDONLY)
                image[f"/data/{name}"] = self.disk.read(descriptor, 1 << 20)
                self.disk.close(descriptor)
        found = type(self.terminal).inspect(image)
        assert found is not None
        return found
