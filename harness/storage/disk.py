"""A device's disk: its volumes as one tree, with the os functions as methods.

Models: one terminal process on one device. Methods are named and behave as the functions of ``os``, ``fcntl`` and
``builtins`` (``fopen`` is ``open``) do on Linux. Times are virtual. Every change is in the op log of its volume.
Does not model: what survives a power cut (``storage/profiles``), other processes, permissions, mmap.
Source: the modules it is made of; held against a real tmpfs by tests/storage.
"""

from collections.abc import Callable, Sequence

from harness.storage.contents import VolumeContents, VolumeImage, export_volume, load_image
from harness.storage.files import FileCalls
from harness.storage.flock import LockCalls
from harness.storage.inode import Directory, Inode
from harness.storage.namespace import Namespace, path_text
from harness.storage.process import DESCRIPTOR_LIMIT, FIRST_DESCRIPTOR
from harness.storage.volume import Volume


def _time_stands_still() -> int:
    return 0


class Disk(FileCalls, LockCalls):
    """One process's view of the device's volumes; ``restart`` gives the next process its own."""

    def __init__(
        self,
        volumes: Sequence[Volume],
        *,
        now_us: Callable[[], int] = _time_stands_still,
        first_descriptor: int = FIRST_DESCRIPTOR,
        descriptor_limit: int = DESCRIPTOR_LIMIT,
        namespace: Namespace | None = None,
    ) -> None:
        super().__init__(
            namespace if namespace is not None else Namespace(tuple(volumes)),
            now_us=now_us,
            first_descriptor=first_descriptor,
            descriptor_limit=descriptor_limit,
        )

    def volume(self, name: str) -> Volume:
        """The volume of that name."""
        for volume in self.volumes:
            if volume.name == name:
                return volume
        known = ", ".join(volume.name for volume in self.volumes)
        raise KeyError(f"no volume is named {name!r}; this disk has {known}")

    def restart(self) -> "Disk":
        """A new process on the same volumes, after a death or a clean exit. Counts, hook and accrued time carry on.

        After a power loss the caller loads the durable images first (``load``); otherwise the page cache is what it was.
        """
        self.abandon_process()
        self.kill()
        for volume in self.volumes:
            for inode in list(volume.orphans.values()):
                volume.release_if_unused(inode)
        self.namespace.mount_all()
        fresh = Disk(
            self.volumes,
            now_us=self.now_us,
            first_descriptor=self.first_descriptor,
            descriptor_limit=self.descriptor_limit,
            namespace=self.namespace,
        )
        fresh.operation_ordinal = self.operation_ordinal
        fresh.accrued_us = self.accrued_us
        fresh.before_operation = self.before_operation
        fresh.hook_reads = self.hook_reads
        return fresh

    def load(self, images: dict[str, VolumeImage]) -> "Disk":
        """Power comes back: mounts an image for each volume named, then restarts."""
        self.kill()
        for name, image in images.items():
            load_image(self.volume(name), image)
        return self.restart()

    def export(self) -> dict[str, VolumeContents]:
        """Each volume's tree by volume name, as readers would see it now."""
        return {volume.name: export_volume(volume) for volume in self.volumes}

    def locate(self, path: str) -> Inode:
        """The inode behind an absolute path; works on a dead disk, counts and charges nothing."""
        shown = (path,)
        self.namespace.unobserved = True
        try:
            return self.namespace.lookup(path_text(path, shown), self.namespace.root, shown)
        finally:
            self.namespace.unobserved = False

    def locate_entry(self, path: str) -> tuple[Directory, str, Inode | None]:
        """The directory and name behind an absolute path, and what it holds, links not followed."""
        shown = (path,)
        self.namespace.unobserved = True
        try:
            return self.namespace.descend(path_text(path, shown), self.namespace.root, shown, False)[:3]
        finally:
            self.namespace.unobserved = False
