"""Reading files from the field: whatever lies there, nothing outside is read, nothing is followed, nothing is unbounded.

Refused, each with its path and the reason: symbolic links, files with more than one name (their other name may lie
anywhere), device nodes, FIFOs and sockets, what cannot be read, what changes while it is read, names that the medium cannot
hold, more files or more bytes than the volume holds.
Every name is opened from the directory it was listed in, without following (openat, O_NOFOLLOW), and looked at before and
after it is opened: swapping a directory for a link in between leads nowhere.
Source: Linux openat(2), open(2); FAT names: Microsoft fatgen103, section on long names.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.core.errors import UsageError
from harness.core.masking import mask_text
from harness.storage.contents import load_image
from harness.storage.image import Image
from harness.storage.oplog import ROOT_INODE
from harness.storage.snapshot import DEFAULT_DIRECTORY_MODE, DEFAULT_FILE_MODE, NOTE_NAME, VolumeNote
from harness.storage.volume import Volume

NOTE_BYTES_MAX = 64 * 1024 * 1024
DEPTH_MAX = 64
PATH_BYTES_MAX = 4095
NAME_BYTES_MAX = 255
_FAT_REFUSES = frozenset('"*/:<>?\\|')
_KINDS = {
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
}


@dataclass(frozen=True, slots=True)
class Room:
    """What a volume can take. ``volume`` is a freshly formatted one of its geometry, used for counting."""

    volume: Volume
    fat_names: bool = False
    """The medium holds names as FAT does: no reserved characters, no two names that differ only in case."""


@contextmanager
def opened(directory: Path) -> Iterator[int]:
    """A descriptor of ``directory``, which must be a directory and no link to one."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR) and directory.is_symlink():
            raise UsageError(f"{shown(directory)}: is a symbolic link; name the directory itself") from None
        raise UsageError(f"{shown(directory)}: {_reason(error)}") from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def opened_in(directory_descriptor: int, name: str, place: Path) -> Iterator[int]:
    """A descriptor of the directory ``name`` in another, links not followed."""
    try:
        descriptor = os.open(
            name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory_descriptor
        )
    except OSError as error:
        try:
            _refuse_unless_directory(os.lstat(name, dir_fd=directory_descriptor), place)
        except OSError:
            pass
        raise UsageError(f"{shown(place)}: {_reason(error)}") from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def names_in(directory_descriptor: int, place: Path, most: int = 10_000) -> list[str]:
    """The sorted names in a directory; UsageError when there are more than ``most``."""
    names: list[str] = []
    try:
        with os.scandir(directory_descriptor) as entries:
            for entry in entries:
                names.append(entry.name)
                if len(names) > most:
                    raise UsageError(f"{shown(place)}: more files than the volume has room for ({most:,})")
    except OSError as error:
        raise UsageError(f"{shown(place)}: {_reason(error)}") from None
    return sorted(names)


def is_directory(directory_descriptor: int, name: str) -> bool:
    """Whether ``name`` is a directory, links not followed."""
    try:
        return stat.S_ISDIR(os.lstat(name, dir_fd=directory_descriptor).st_mode)
    except OSError:
        return False


def read_note(directory_descriptor: int, place: Path) -> bytes | None:
    """The bytes of snapshot.json; None when there is none."""
    try:
        os.lstat(NOTE_NAME, dir_fd=directory_descriptor)
    except FileNotFoundError:
        return None
    return _read_file(directory_descriptor, NOTE_NAME, place / NOTE_NAME, NOTE_BYTES_MAX, "a note may have")


def read_volume(directory_descriptor: int | None, room: Room, note: VolumeNote | None, place: Path) -> Image:
    """The tree below a directory as a durable image; no descriptor: an empty volume.

    With a note, modes are those of the note: copying files about changes modes. Without one they are the files' own.
    """
    if note is not None and any(
        not 0 <= chain <= room.volume.total_blocks << room.volume.block_shift for chain in note.lost_chains
    ):
        raise UsageError(f"{shown(place.parent / NOTE_NAME)}: lost_chains of {room.volume.name!r} are no sizes")
    reading = _Reading(room, note or VolumeNote(), own_modes=note is None)
    if directory_descriptor is not None:
        reading.directory(directory_descriptor, "", place, 0, ROOT_INODE)
    reading.complete(place)
    image = Image(reading.files, reading.directories, reading.modes, reading.links, reading.note.lost_chains)
    _measure(image, room, place)
    return image


@dataclass(slots=True)
class _Reading:
    """One volume on its way in. ``paths`` has each name with its inode."""

    room: Room
    note: VolumeNote
    own_modes: bool
    files: dict[int, bytes] = field(default_factory=dict)
    directories: dict[int, dict[str, int]] = field(default_factory=lambda: {ROOT_INODE: {}})
    modes: dict[int, int] = field(default_factory=dict)
    links: dict[int, str] = field(default_factory=dict)
    paths: dict[str, int] = field(default_factory=lambda: {"/": ROOT_INODE})
    folded: dict[str, set[str]] = field(default_factory=dict)
    """By directory: names as FAT compares them."""
    found_bytes: int = 0
    found_inodes: int = 1

    def directory(self, descriptor: int, prefix: str, place: Path, depth: int, number: int) -> None:
        """Everything in the directory open as ``descriptor``."""
        if depth > DEPTH_MAX:
            raise UsageError(f"{shown(place)}: directories lie more than {DEPTH_MAX} deep")
        entries = self.directories[number] = {}
        self.modes.setdefault(number, DEFAULT_DIRECTORY_MODE)
        for name in names_in(descriptor, place, self.room.volume.inode_limit):
            target = place / name
            path = self._checked_path(prefix, name, target)
            try:
                status = os.lstat(name, dir_fd=descriptor)
            except OSError as error:
                raise UsageError(f"{shown(target)}: {_reason(error)}") from None
            child = self._new_inode(target)
            if stat.S_ISDIR(status.st_mode):
                self.modes[child] = self._mode(DEFAULT_DIRECTORY_MODE, status)
                self._enter(descriptor, name, path, target, depth, child)
            else:
                _refuse_unless_plain(status, target)
                self._take(descriptor, name, target, child)
                self.modes[child] = self._mode(DEFAULT_FILE_MODE, status)
            entries[name] = self.paths[path] = child

    def _mode(self, usual: int, status: os.stat_result) -> int:
        return stat.S_IFMT(usual) | (status.st_mode & 0o777) if self.own_modes else usual

    def _enter(self, descriptor: int, name: str, path: str, place: Path, depth: int, number: int) -> None:
        with opened_in(descriptor, name, place) as inner:
            self.directory(inner, path, place, depth + 1, number)

    def _take(self, descriptor: int, name: str, place: Path, number: int) -> None:
        volume = self.room.volume
        total = volume.total_blocks << volume.block_shift
        content = _read_file(
            descriptor, name, place, total - self.found_bytes, f"volume {volume.name!r} has left of its {total:,}"
        )
        self.found_bytes += volume.blocks_for(len(content)) << volume.block_shift
        self.files[number] = content

    def _new_inode(self, place: Path) -> int:
        self.found_inodes += 1
        limit = self.room.volume.inode_limit
        if self.found_inodes > limit:
            raise UsageError(
                f"{shown(place)}: one file too many; volume {self.room.volume.name!r} holds {limit:,}, directories included"
            )
        return ROOT_INODE + self.found_inodes - 1

    def _checked_path(self, prefix: str, name: str, place: Path) -> str:
        path = f"{prefix}/{name}"
        if len(os.fsencode(path)) > PATH_BYTES_MAX:
            raise UsageError(f"{shown(place)}: a path of more than {PATH_BYTES_MAX:,} bytes, which no call can name")
        if self.room.fat_names:
            _refuse_on_fat(name, self.folded.setdefault(prefix, set()), place)
        return path

    # ------------------------------------------------------------ what the note adds

    def complete(self, place: Path) -> None:
        """Symbolic links, further names and modes from the note, each held to what is really there."""
        where = place.parent / NOTE_NAME
        for path, target in self.note.symbolic_links.items():
            _refuse_unless_encodable((path, target), where)
            directory, name = self._free_place(path, where)
            if not 0 < len(os.fsencode(target)) <= PATH_BYTES_MAX or "\0" in target:
                raise UsageError(f"{shown(where)}: the target of symbolic link {shown(path)} is no path")
            number = self._new_inode(where)
            self.links[number] = target
            self.modes[number] = stat.S_IFLNK | 0o777
            self.directories[directory][name] = self.paths[path] = number
        for path, first in self.note.same_file.items():
            self._join(path, first, where)
        for path, text in self.note.modes.items():
            self._set_mode(path, text, where)
        # A walk of an image lists names in sorted order, wherever they came from.
        self.directories = {number: dict(sorted(names.items())) for number, names in self.directories.items()}

    def _free_place(self, path: str, where: Path) -> tuple[int, str]:
        """The directory and name of a path that nothing stands at yet."""
        parent, _, name = path.rpartition("/")
        directory = self.paths.get(parent or "/")
        _refuse_unless_encodable((path,), where)
        plain = name not in ("", ".", "..") and "\0" not in name and len(os.fsencode(name)) <= NAME_BYTES_MAX
        if not path.startswith("/") or not plain or directory not in self.directories:
            raise UsageError(f"{shown(where)}: {shown(path)} names no place within the volume")
        if path in self.paths:
            raise UsageError(f"{shown(where)}: {shown(path)} is said to be a symbolic link, but a file stands there")
        self._checked_path(parent, name, where)
        return directory, name

    def _join(self, path: str, first: str, where: Path) -> None:
        one, other = self.paths.get(path), self.paths.get(first)
        if one is None and other is not None and other in self.links:
            directory, name = self._free_place(path, where)
            self.directories[directory][name] = self.paths[path] = other
            return
        if one is None or other is None or one not in self.files or other not in self.files:
            raise UsageError(f"{shown(where)}: {shown(path)} and {shown(first)} are not two files of the volume")
        if self.files[one] != self.files[other]:
            raise UsageError(
                f"{shown(where)}: {shown(path)} and {shown(first)} are said to be one file, but their contents differ; "
                "take the line out of same_file"
            )
        if one != other:
            parent, _, name = path.rpartition("/")
            self.directories[self.paths[parent or "/"]][name] = self.paths[path] = other
            del self.files[one], self.modes[one]

    def _set_mode(self, path: str, text: str, where: Path) -> None:
        number = self.paths.get(path)
        if number is None:
            raise UsageError(f"{shown(where)}: modes names {shown(path)}, which is not there")
        kind = stat.S_IFMT(self.modes.get(number, DEFAULT_FILE_MODE))
        is_octal = 0 < len(text) <= 7 and all(digit in "01234567" for digit in text)
        mode = int(text, 8) if is_octal else 0
        if not is_octal or (mode and stat.S_IFMT(mode) not in (0, kind)):
            raise UsageError(
                f"{shown(where)}: the mode of {shown(path)} is {text[:20]!r}, not an octal mode of its kind"
            )
        self.modes[number] = mode and mode | kind


# ---------------------------------------------------------------- one file


def _refuse_unless_encodable(texts: tuple[str, ...], where: Path) -> None:
    for text in texts:
        try:
            os.fsencode(text)
        except UnicodeEncodeError:
            raise UsageError(f"{shown(where)}: {shown(text)} is no name that a file could have") from None


def _refuse_unless_directory(status: os.stat_result, place: Path) -> None:
    if not stat.S_ISDIR(status.st_mode):
        what = "is a symbolic link; links are not followed" if stat.S_ISLNK(status.st_mode) else "is no directory"
        raise UsageError(f"{shown(place)}: {what}")


def _refuse_unless_plain(status: os.stat_result, place: Path) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind == stat.S_IFLNK:
        raise UsageError(f"{shown(place)}: is a symbolic link; links are not followed, copy what it points to")
    if kind != stat.S_IFREG:
        raise UsageError(f"{shown(place)}: is {_KINDS.get(kind, 'no plain file')}; only plain files can be loaded")
    if status.st_nlink > 1:
        raise UsageError(
            f"{shown(place)}: has {status.st_nlink} names, of which others may lie outside; copy the files anew (cp -r)"
        )


def _read_file(descriptor: int, name: str, place: Path, most: int, whose: str) -> bytes:
    """A plain file's content. Devices are never opened: opening alone can do things."""
    try:
        before = os.lstat(name, dir_fd=descriptor)
        _refuse_unless_plain(before, place)
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        file = os.open(name, flags, dir_fd=descriptor)
    except OSError as error:
        raise UsageError(f"{shown(place)}: {_reason(error)}") from None
    try:
        status = os.fstat(file)
        _refuse_unless_plain(status, place)
        if (before.st_dev, before.st_ino) != (status.st_dev, status.st_ino):
            raise UsageError(f"{shown(place)}: was replaced while it was read")
        if status.st_size > most:
            raise UsageError(f"{shown(place)}: has {status.st_size:,} bytes, more than the {most:,} that {whose}")
        content = bytearray()
        while len(content) <= status.st_size:
            piece = os.read(file, min(1 << 20, status.st_size + 1 - len(content)))
            if not piece:
                break
            content += piece
    except OSError as error:
        raise UsageError(f"{shown(place)}: {_reason(error)}") from None
    finally:
        os.close(file)
    if len(content) != status.st_size:
        raise UsageError(f"{shown(place)}: changed while it was read")
    return bytes(content)


def _refuse_on_fat(name: str, beside: set[str], place: Path) -> None:
    bad = sorted({character for character in name if character in _FAT_REFUSES or character < " "})
    if bad or name != name.rstrip(" ."):
        what = f"contains {' '.join(map(ascii, bad))}" if bad else "ends in a dot or space"
        raise UsageError(f"{shown(place)}: the name {what}, which FAT cannot hold")
    if any("\ud800" <= character <= "\udfff" for character in name):
        raise UsageError(f"{shown(place)}: the name is no UTF-8, and FAT keeps names as Unicode")
    folded = name.casefold()
    if folded in beside:
        raise UsageError(f"{shown(place)}: differs from another name only in case, which FAT cannot hold")
    beside.add(folded)


def _measure(image: Image, room: Room, place: Path) -> None:
    """The volume's own way of counting has the last word: directories, links and whole blocks take space, too."""
    volume = room.volume
    load_image(volume, image)
    if volume.free_blocks < 0 or volume.free_inodes < 0:
        total = volume.total_blocks << volume.block_shift
        needed = total - (volume.free_blocks << volume.block_shift)
        what = f"{needed:,} bytes in whole blocks, more than its {total:,}"
        if volume.free_inodes < 0:
            what = f"{volume.inode_limit - volume.free_inodes:,} files and directories, more than its {volume.inode_limit:,}"
        raise UsageError(f"{shown(place)}: volume {volume.name!r} would have to hold {what}")


def shown(path: Path | str) -> str:
    """A path for a message: undecodable bytes and control characters escaped, card numbers masked."""
    try:
        text = os.fsencode(path).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        text = ascii(str(path))
    return mask_text("".join(each if each.isprintable() else ascii(each)[1:-1] for each in text))


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower() if error.errno != errno.ELOOP else "is a symbolic link"
