"""Bundles: one finding as one file that anybody can replay, now and with a later harness.

A bundle is a .zip file of:

- ``bundle.json``: its format, what wrote it (versions of harness, Python and Faker), the software (``spec``, a name and never
  code), the seed, the finding and the digest of the history;
- ``resolved.yaml``: the scenario with every drawn value pinned;
- ``verdict.json``: what the run said;
- ``history.marks``: four bytes for each event of the history, by which a replay finds where it first goes another way;
- ``dialect.yaml``, where the host's dialect came from a file, and ``images/...``, where terminals began on data from before.

Models: the same content gives the same bytes; a file is there whole or not at all. What is read is bounded before it is unpacked:
size of the file, number of members, size of each and of all, whatever they declare; names that leave the directory, links,
encryption and members that no bundle has are refused. Does not model: signatures; a bundle is data, and says only by name what
software is to be run.
"""

from __future__ import annotations

import errno
import io
import os
import re
import shlex
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath

import msgspec

from harness.core.errors import HarnessError, UsageError

FORMAT = 1
"""Raised when an older harness would misread what a newer one writes; what is only added needs no other number."""
SUFFIX = ".zip"

_MIB = 1 << 20
_FILE_BYTES_MAX = 128 * _MIB
_MEMBERS_MAX = 20_000
_ALL_BYTES_MAX = 512 * _MIB
_IMAGE_FILE_BYTES_MAX = 256 * _MIB
_MEMBERS: Mapping[str, int] = {
    "bundle.json": _MIB,
    "resolved.yaml": 32 * _MIB,
    "verdict.json": 32 * _MIB,
    "history.marks": 16 * _MIB,
    "dialect.yaml": _MIB,
}
_IMAGES = "images/"
_CHUNK_BYTES = 1 << 16
_NAMES_REFUSED = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)
"""What the file system says to names that contradict each other: a file that is also a directory, or one too long."""
# UnicodeDecodeError is a ValueError, and NotImplementedError a RuntimeError.
_WHAT_ZIPFILE_RAISES = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, ValueError, RuntimeError)
_ENTRY = b"PK\x01\x02"
_WRITTEN = (1980, 1, 1, 0, 0, 0)
"""The oldest time that a .zip can tell: when a bundle was written says nothing about it."""
_PLAIN_NAME = re.compile(r"^[^\x00-\x1f\\:*?\"<>|]{1,512}$")


class BundleInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """``bundle.json``. ``spec`` is the software as it was asked for, ``dialect`` what ``--dialect`` named."""

    format: int
    harness: str
    python: str
    faker: str
    spec: str
    seed: int
    scenario: str
    signature: str
    invariant: int
    name: str
    summary: str
    device: str
    at_us: int
    events: int
    history_sha256: str
    signatures: tuple[str, ...] = ()
    """Of all that the run found."""
    dialect: str = ""
    images: dict[str, str] = {}
    """By terminal, or "" for all that are not named: the directory below ``images/`` that it began on."""
    content_sha256: str = ""
    """Of the names and contents of all else, put in by whoever writes the file: a .zip has no checksum over its list of names."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A finding and all that it takes to run it again."""

    info: BundleInfo
    resolved: str
    verdict: bytes
    marks: bytes
    dialect: str = ""
    image_files: Mapping[str, bytes] = field(default_factory=dict)
    """By path below ``images/``; a name that ends with a slash is an empty directory's."""


def replay_line(path: Path, terminal: str | None, trust: bool) -> str:
    """The command that replays the bundle in ``path``."""
    parts = ["harness replay", shlex.quote(str(path))]
    if terminal is not None:
        parts.append(f"--terminal {shlex.quote(terminal)}")
    if trust:
        parts.append("--trust")
    return " ".join(parts)


def write_bundle(path: Path, bundle: Bundle) -> Path:
    """Write ``bundle`` to ``path``. HarnessError when it cannot be written; then nothing is there that was not there before."""
    content = _packed(bundle)
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:80]}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise HarnessError(f"cannot write {path}: {error.strerror}") from None
    return path


def _packed(bundle: Bundle) -> bytes:
    into = io.BytesIO()
    members = {
        "resolved.yaml": bundle.resolved.encode("utf-8"),
        "verdict.json": bundle.verdict,
        "history.marks": bundle.marks,
    }
    if bundle.dialect:
        members["dialect.yaml"] = bundle.dialect.encode("utf-8")
    members |= {_IMAGES + name: content for name, content in sorted(bundle.image_files.items())}
    info = msgspec.structs.replace(bundle.info, content_sha256=_digest(members))
    head = msgspec.json.format(msgspec.json.encode(info, order="deterministic"), indent=1) + b"\n"
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {"bundle.json": head, **members}.items():
            member = zipfile.ZipInfo(name, _WRITTEN)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(member, content)
    return into.getvalue()


def _digest(members: Mapping[str, bytes]) -> str:
    digest = sha256()
    for name in sorted(members):
        for part in (name.encode("utf-8"), members[name]):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()


# ---------------------------------------------------------------- reading


def is_bundle(path: Path) -> bool:
    """Whether that is a file with a bundle's name. What is in it is for ``read_bundle`` to say."""
    return path.suffix.lower() == SUFFIX and path.is_file()


def read_bundle(path: Path) -> Bundle:
    """The bundle in ``path``. UsageError, naming file and fault, for anything but a whole bundle of a known format."""
    with _opened(path) as archive:
        members = _checked(path, archive)
        read = _Reader(path, archive)
        info = _info(path, read.content(members["bundle.json"], _MEMBERS["bundle.json"]))
        content = {
            name: read.content(member, _MEMBERS.get(name, _IMAGE_FILE_BYTES_MAX))
            for name, member in members.items()
            if name != "bundle.json"
        }
        if info.content_sha256 and info.content_sha256 != _digest(content):
            raise _damaged(path, "what is in it is not what was put into it")
        return Bundle(
            info,
            _text(path, content, "resolved.yaml"),
            content["verdict.json"],
            content["history.marks"],
            _text(path, content, "dialect.yaml"),
            {name.removeprefix(_IMAGES): each for name, each in content.items() if name.startswith(_IMAGES)},
        )


def _text(path: Path, content: Mapping[str, bytes], name: str) -> str:
    try:
        return content.get(name, b"").decode("utf-8")
    except UnicodeDecodeError:
        raise _damaged(path, f"its {name} is no UTF-8 text") from None


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        if path.stat().st_size > _FILE_BYTES_MAX:
            raise UsageError(f"{path}: larger than {_FILE_BYTES_MAX // _MIB} MiB, which no bundle is")
        if _entries(path) > 2 * _MEMBERS_MAX:
            raise UsageError(f"{path}: refused: it lists more files than a bundle has")
        with zipfile.ZipFile(path) as archive:
            yield archive
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    except _WHAT_ZIPFILE_RAISES as error:
        raise _damaged(path, str(error) or type(error).__name__) from None


def _entries(path: Path) -> int:
    """About how many members it lists: the table is not read into memory before that is known."""
    count, tail = 0, b""
    with path.open("rb") as file:
        while chunk := file.read(_MIB):
            count += (tail + chunk).count(_ENTRY)
            tail = chunk[-len(_ENTRY) + 1 :]
    return count


def _checked(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The members by name, each of which may be unpacked."""
    found = archive.infolist()
    if len(found) > _MEMBERS_MAX:
        raise UsageError(f"{path}: holds {len(found):,} files; a bundle has at most {_MEMBERS_MAX:,}")
    members: dict[str, zipfile.ZipInfo] = {}
    for member in found:
        name = member.filename
        why = _why_refused(name, member)
        if not why and name in members:
            why = "stands in it twice"
        if why:
            raise UsageError(f"{path}: refused: {name[:120]!r} {why}")
        members[name] = member
    total = sum(member.file_size for member in found)
    if total > _ALL_BYTES_MAX:
        raise UsageError(
            f"{path}: refused: it unpacks to {total // _MIB:,} MiB; a bundle is at most {_ALL_BYTES_MAX // _MIB} MiB"
        )
    missing = [
        name for name in ("bundle.json", "resolved.yaml", "verdict.json", "history.marks") if name not in members
    ]
    if missing:
        raise UsageError(f"{path}: no bundle, or a damaged one: it lacks {', '.join(missing)}")
    return members


def _why_refused(name: str, member: zipfile.ZipInfo) -> str:
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or not _PLAIN_NAME.match(name):
        return "leaves the directory, or is no plain file's name"
    if name.endswith("/"):
        return "" if name.startswith(_IMAGES) and not member.file_size else "is no file"
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        return "is no plain file"
    if member.flag_bits & 0x1:
        return "is encrypted"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is packed in a way that no bundle is"
    most = _MEMBERS.get(name, _IMAGE_FILE_BYTES_MAX if name.startswith(_IMAGES) else -1)
    if most < 0:
        return "is no part of a bundle of this format"
    if member.file_size > most:
        return f"unpacks to {member.file_size // _MIB:,} MiB, more than the {max(1, most // _MIB)} MiB that it may"
    return ""


@dataclass(slots=True)
class _Reader:
    """Unpacks members; what they declare of their size is not believed."""

    path: Path
    archive: zipfile.ZipFile
    left: int = _ALL_BYTES_MAX

    def content(self, member: zipfile.ZipInfo, most: int) -> bytes:
        """All of one member."""
        content = bytearray()
        with self.archive.open(member) as file:
            while chunk := file.read(_CHUNK_BYTES):
                content += chunk
                if len(content) > min(most, self.left):
                    raise UsageError(f"{self.path}: refused: {member.filename!r} unpacks to more than it may")
        self.left -= len(content)
        return bytes(content)


def _info(path: Path, content: bytes) -> BundleInfo:
    try:
        written = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _damaged(path, f"its bundle.json is no JSON ({error})") from None
    of_format = written.get("format") if isinstance(written, dict) else None
    if isinstance(of_format, bool) or not isinstance(of_format, int):
        raise _damaged(path, "its bundle.json does not say which format it has")
    if of_format > FORMAT:
        by = str(written.get("harness", "another version"))[:40]
        raise UsageError(
            f"{path}: a bundle of format {of_format}, written by harness {by}; this one reads formats up to {FORMAT}: "
            "update the harness"
        )
    if of_format < 1:
        raise _damaged(path, f"there is no format {of_format}")
    try:
        return msgspec.convert(written, BundleInfo)
    except msgspec.ValidationError as error:
        raise _damaged(path, f"its bundle.json is not as format {of_format} has it: {error}") from None


def _damaged(path: Path, why: str) -> UsageError:
    return UsageError(f"{path}: no bundle, or a damaged one: {why}")


def unpack_images(bundle: Bundle, directory: Path) -> dict[str, Path]:
    """Write the images below ``directory``; by terminal ("" for all that are not named), where each begins."""
    try:
        return _unpacked(bundle, directory)
    except OSError as error:
        if error.errno in _NAMES_REFUSED:
            name = Path(str(error.filename)).relative_to(directory)
            raise UsageError(f"refused: images/{str(name)[:80]}: {error.strerror}") from None
        raise


def _unpacked(bundle: Bundle, directory: Path) -> dict[str, Path]:
    for name, content in bundle.image_files.items():
        target = directory / name
        if name.endswith("/"):
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    found: dict[str, Path] = {}
    for device, place in bundle.info.images.items():
        if not re.fullmatch(r"[A-Za-z0-9_]{1,40}", place):
            raise UsageError(f"refused: {place[:80]!r} is no directory below images/")
        (directory / place).mkdir(exist_ok=True)
        found[device] = directory / place
    return found
