"""Snapshots on the real machine: a device's volumes as plain files, written whole or not at all.

The form is what a person gets who copies the files off a device: DIR/VOLUME/... Beside them lies DIR/snapshot.json with what
plain files do not carry (``VolumeNote``); without it DIR is read as what it is, files from the field.
Models: contents, directories, modes, symbolic and hard links of ``Image``.
Does not model: timestamps and owners (an image has none), holes (a sparse file counts whole).
Symbolic links are written down and never made: nothing that reads the directory can be led out of it.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from harness.core.errors import HarnessError, UsageError
from harness.storage.image import Image
from harness.storage.oplog import ROOT_INODE

NOTE_NAME = "snapshot.json"
FORMAT = 1
DEFAULT_FILE_MODE = stat.S_IFREG | 0o644
DEFAULT_DIRECTORY_MODE = stat.S_IFDIR | 0o755


class VolumeNote(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What the files of one volume do not tell. Paths begin with a slash, which is the volume's root.

    ``modes`` are octal st_mode where it is not a file's or directory's usual one; "0": the image had none.
    ``same_file``: a further name of a file, and the name under which its content stands. ``lost_chains``: bytes that nobody
    owns and no deletion frees (lost clusters of FAT).
    """

    modes: dict[str, str] = {}
    symbolic_links: dict[str, str] = {}
    same_file: dict[str, str] = {}
    lost_chains: tuple[int, ...] = ()


def note_of(image: Image) -> VolumeNote:
    """The note for ``image``."""
    modes: dict[str, str] = {}
    symbolic_links: dict[str, str] = {}
    same_file: dict[str, str] = {}
    names: dict[int, str] = {}
    for path, inode in (("/", ROOT_INODE), *image.walk()):
        mode = image.modes.get(inode, 0)
        if inode in image.links:
            symbolic_links[path] = image.links[inode]
            usual = stat.S_IFLNK | 0o777
        else:
            usual = DEFAULT_DIRECTORY_MODE if inode in image.directories else DEFAULT_FILE_MODE
        if mode != usual:
            modes[path] = f"{mode:o}"
        if inode not in image.directories:
            first = names.setdefault(inode, path)
            if first != path:
                same_file[path] = first
                symbolic_links.pop(path, None)
    return VolumeNote(modes, symbolic_links, same_file, image.lost_chains)


def write_snapshot(images: Mapping[str, Image], directory: Path, note: object) -> None:
    """Write ``images`` by volume name, and ``note`` (plain data) as snapshot.json, as the new directory ``directory``.

    It appears with everything in it, or not at all. UsageError when something stands there already.
    """
    parent = directory.absolute().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{directory.name[:100]}.", dir=parent))
    except OSError as error:
        raise UsageError(f"cannot make the directory {directory}: {error.strerror}") from None
    try:
        for name, image in images.items():
            (staging / name).mkdir()
            _write_volume(image, staging / name)
        _write_file(staging / NOTE_NAME, json.dumps(note, indent=1, ensure_ascii=True).encode() + b"\n", 0o644)
        staging.chmod(0o755)
        publish(staging, directory)
    except OSError as error:
        raise HarnessError(f"cannot write {error.filename or directory}: {error.strerror}") from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def publish(staging: Path, directory: Path) -> None:
    """Give a finished directory its name, at once. UsageError when something stands there already."""
    _sync(staging)
    try:
        # Over an empty directory rename(2) works, over a full one it does not: nothing is ever mixed or replaced.
        staging.rename(directory)
    except (FileExistsError, NotADirectoryError):
        raise UsageError(f"{directory} exists and is no empty directory; give a new one") from None
    except OSError as error:
        if directory.exists():
            raise UsageError(f"{directory} exists and is not empty; give a new one") from None
        raise error
    _sync(directory.absolute().parent)


def _write_volume(image: Image, top: Path) -> None:
    directories = [top]
    for path, inode in image.walk():
        target = Path(f"{top}{path}")
        if inode in image.directories:
            target.mkdir()
            directories.append(target)
        elif inode not in image.links:
            mode = stat.S_IMODE(image.modes.get(inode, 0o644)) & 0o777
            _write_file(target, image.files.get(inode, b""), mode | stat.S_IRUSR | stat.S_IWUSR)
    for each in reversed(directories):
        _sync(each)


def _write_file(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # Some file systems refuse to sync a directory; what can be done has been done then.
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
