"""A durable image: what one volume holds when nothing but the medium is left.

Models: file contents, directories, modes and symbolic links, by inode number, as a mount would find them.
Does not model: timestamps, ownership, holes (a hole reads as zeros), or where on the medium a block lies.
An image is never changed once made: a new one shares every file and directory it has in common with the old, so that
thousands of crash states of one disk cost little more than what differs between them.
"""

import hashlib
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.storage.oplog import ROOT_INODE, Op

if TYPE_CHECKING:
    from harness.storage.draft import Part

_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class ImageDifference:
    """What one image has that another has not: paths only in the first, only in the second, and in both but different."""

    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    changed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.only_before or self.only_after or self.changed)


class Image:
    """One durable state of a volume. Directories list their names in sorted order, so that no fold changes a listing.

    ``lost_chains`` are the lengths of what no file owns and no deletion frees (lost clusters of FAT).
    """

    __slots__ = ("_content_digests", "_link_counts", "directories", "files", "links", "lost_chains", "modes")

    def __init__(
        self,
        files: dict[int, bytes] | None = None,
        directories: dict[int, dict[str, int]] | None = None,
        modes: dict[int, int] | None = None,
        links: dict[int, str] | None = None,
        lost_chains: tuple[int, ...] = (),
        content_digests: dict[int, bytes] | None = None,
    ) -> None:
        self.files: dict[int, bytes] = {} if files is None else files
        self.directories: dict[int, dict[str, int]] = {ROOT_INODE: {}} if directories is None else directories
        self.modes: dict[int, int] = {ROOT_INODE: stat.S_IFDIR | 0o755} if modes is None else modes
        self.links: dict[int, str] = {} if links is None else links
        self.lost_chains = lost_chains
        # Digests of contents this image shares with the one it was made from; filled on demand.
        self._content_digests: dict[int, bytes] = {} if content_digests is None else content_digests
        self._link_counts: dict[int, int] | None = None

    @property
    def lost_bytes(self) -> int:
        """Space that no file owns and no deletion frees, before rounding to whole clusters."""
        return sum(self.lost_chains)

    def apply(self, op: Op, part: "Part | None" = None) -> "Image":
        """The image after ``op``, or after only that ``part`` of it; names are not checked, orphans stay."""
        from harness.storage.draft import Draft

        draft = Draft(self)
        draft.apply(op, part)
        return draft.freeze()

    def walk(self) -> Iterator[tuple[str, int]]:
        """Each path and its inode, depth first, names sorted; the root is not listed."""
        stack = [("", ROOT_INODE)]
        while stack:
            prefix, directory = stack.pop()
            children: list[tuple[str, int]] = []
            for name, inode in self.directories[directory].items():
                path = f"{prefix}/{name}"
                yield path, inode
                if inode in self.directories:
                    children.append((path, inode))
            stack.extend(reversed(children))

    def tree(self) -> dict[str, bytes | None]:
        """Path to content; None for a directory; a symbolic link's content is its target."""
        return {path: self._content(inode) for path, inode in self.walk()}

    def _content(self, inode: int) -> bytes | None:
        if inode in self.directories:
            return None
        target = self.links.get(inode)
        return self.files.get(inode, b"") if target is None else target.encode("utf-8", "surrogateescape")

    def inode_of(self, path: str) -> int | None:
        """The inode at ``path``, or None. Symbolic links are not followed."""
        inode = ROOT_INODE
        for name in path.split("/"):
            if name in ("", "."):
                continue
            found = self.directories.get(inode, {}).get(name)
            if found is None:
                return None
            inode = found
        return inode

    def exists(self, path: str) -> bool:
        return self.inode_of(path) is not None

    def read(self, path: str) -> bytes:
        """A regular file's content; FileNotFoundError or IsADirectoryError as a mount would say."""
        inode = self.inode_of(path)
        if inode is None:
            raise FileNotFoundError(path)
        content = self._content(inode)
        if content is None:
            raise IsADirectoryError(path)
        return content

    def listdir(self, path: str = "/") -> list[str]:
        inode = self.inode_of(path)
        if inode is None:
            raise FileNotFoundError(path)
        if inode not in self.directories:
            raise NotADirectoryError(path)
        return list(self.directories[inode])

    def link_counts(self) -> Mapping[int, int]:
        """How many names each inode has; counted once an image."""
        counts = self._link_counts
        if counts is None:
            counts = {}
            for entries in self.directories.values():
                for inode in entries.values():
                    counts[inode] = counts.get(inode, 0) + 1
            self._link_counts = counts
        return counts

    def digest(self) -> str:
        """A hash of names, modes, contents and which names share a file: the same in every process, whatever the inode numbers.

        Two names of one file are not two files alike: who writes to one of them changes the other.
        """
        whole = hashlib.blake2b(digest_size=_DIGEST_BYTES)
        named: dict[int, bytes] = {}
        for path, inode in self.walk():
            name = path.encode("utf-8", "surrogateescape")
            whole.update(len(name).to_bytes(4, "big") + name + self.modes.get(inode, 0).to_bytes(4, "big"))
            if inode not in self.directories:
                whole.update(self._content_digest(inode))
                first = named.setdefault(inode, name)
                if first is not name:
                    whole.update(b"=" + len(first).to_bytes(4, "big") + first)
        return whole.hexdigest()

    def _content_digest(self, inode: int) -> bytes:
        known = self._content_digests.get(inode)
        if known is None:
            known = hashlib.blake2b(self._content(inode) or b"", digest_size=_DIGEST_BYTES).digest()
            self._content_digests[inode] = known
        return known

    def content_digests(self) -> dict[int, bytes]:
        """Digests already known, for an image made from this one to inherit."""
        return self._content_digests

    def write_to(self, directory: Path) -> None:
        """Lay the image out under an existing, empty directory of the real machine, for a person to look at."""
        for path, inode in self.walk():
            target = directory / path.lstrip("/")
            if not target.parent.resolve().is_relative_to(directory.resolve()):
                raise ValueError(f"{path} leaves {directory}")
            if inode in self.directories:
                target.mkdir()
            elif inode in self.links:
                target.symlink_to(self.links[inode])
            else:
                target.write_bytes(self.files.get(inode, b""))
                target.chmod(stat.S_IMODE(self.modes.get(inode, 0o644)) | stat.S_IRUSR)


def diff(before: Image, after: Image) -> ImageDifference:
    """Which paths differ between two images, by kind, mode and content."""
    old, new = dict(before.walk()), dict(after.walk())

    def same(path: str) -> bool:
        a, b = old[path], new[path]
        return before.modes.get(a) == after.modes.get(b) and before._content(a) == after._content(b)

    return ImageDifference(
        only_before=tuple(sorted(old.keys() - new.keys())),
        only_after=tuple(sorted(new.keys() - old.keys())),
        changed=tuple(path for path in sorted(old.keys() & new.keys()) if not same(path)),
    )
