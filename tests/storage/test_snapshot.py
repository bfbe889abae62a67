"""Snapshots as directories: what goes out comes back, and nothing that lies in a directory leads anywhere else."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import HarnessError, UsageError
from harness.storage import snapshot, snapshot_read
from harness.storage.draft import Draft
from harness.storage.image import Image
from harness.storage.oplog import ROOT_INODE, Link, SetMode, Write
from harness.storage.snapshot import VolumeNote, note_of, write_snapshot
from harness.storage.snapshot_read import Room, opened, opened_in, read_note, read_volume
from harness.storage.volume import Volume

KIB = 1024


def room(size_kib: int = 1024, inodes: int | None = None, *, fat: bool = False, directories: bool = False) -> Room:
    return Room(Volume("data", "/data", size_kib * KIB, 4096, inodes, directory_blocks=directories), fat)


def load(directory: Path, where: Room | None = None, note: VolumeNote | None = None) -> Image:
    with opened(directory) as descriptor:
        return read_volume(descriptor, where or room(), note, directory)


def refusal(directory: Path, where: Room | None = None, note: VolumeNote | None = None) -> str:
    with pytest.raises(UsageError) as raised:
        load(directory, where, note)
    return str(raised.value)


# ---------------------------------------------------------------- out and in again

NAMES = st.one_of(
    st.sampled_from(["log", "日志", "a b", "x" * 255, ".hidden", "new\nline", "ä", "-rf", "snapshot.json", "*"]),
    st.binary(min_size=1, max_size=12)
    .filter(lambda raw: not {0, 47} & set(raw) and raw not in (b".", b".."))
    .map(os.fsdecode),
)
TARGETS = st.sampled_from(["log", "/etc/passwd", "../../..", "a" * 300, os.fsdecode(b"\xff\xfe"), "\n"])


@st.composite
def images(draw: st.DrawFn) -> Image:
    """Trees of files, directories, symbolic and hard links, with any modes."""
    draft = Draft(Image())
    places, files, number = [ROOT_INODE], [], ROOT_INODE
    taken: set[tuple[int, str]] = set()
    for _ in range(draw(st.integers(0, 12))):
        parent, name = draw(st.sampled_from(places)), draw(NAMES)
        if (parent, name) in taken:
            continue
        taken.add((parent, name))
        kind = draw(st.sampled_from(["file", "file", "directory", "symbolic link", "hard link"]))
        if kind == "hard link" and files:
            draft.apply(Link(parent, name, *draw(st.sampled_from(files)), created=False))
            continue
        number += 1
        bits = draw(st.sampled_from([0o644, 0o600, 0o400, 0o000, 0o4755, 0o777]))
        if kind == "directory":
            draft.apply(Link(parent, name, number, stat.S_IFDIR | draw(st.sampled_from([0o755, 0o700, 0o1777]))))
            places.append(number)
        elif kind == "symbolic link":
            target = draw(TARGETS)
            draft.apply(Link(parent, name, number, stat.S_IFLNK | 0o777, target))
            files.append((number, stat.S_IFLNK | 0o777, target))
        else:
            draft.apply(Link(parent, name, number, stat.S_IFREG | bits))
            draft.apply(Write(number, 0, draw(st.binary(max_size=40)), 0))
            files.append((number, stat.S_IFREG | bits, None))
    if draw(st.booleans()):
        draft.apply(SetMode(ROOT_INODE, stat.S_IFDIR | 0o711))
    return draft.mount()


def links_of(image: Image) -> list[set[str]]:
    """Which paths are one file."""
    groups: dict[int, set[str]] = {}
    for path, inode in image.walk():
        groups.setdefault(inode, set()).add(path)
    return sorted(groups.values(), key=sorted)


@settings(max_examples=120, deadline=None)
@given(images())
def test_an_image_written_and_read_is_the_same_image(image: Image) -> None:
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "out"
        write_snapshot({"data": image}, out, {"volumes": {"data": msgspec.to_builtins(note_of(image))}})
        with opened(out) as descriptor:
            raw = read_note(descriptor, out)
            assert raw is not None
            note = msgspec.convert(json.loads(raw)["volumes"]["data"], VolumeNote)
            with opened_in(descriptor, "data", out / "data") as inner:
                back = read_volume(inner, room(), note, out / "data")
        assert back.tree() == image.tree()
        assert back.digest() == image.digest()
        assert links_of(back) == links_of(image)
        # No link of any kind was made: whatever reads the directory stays in it.
        for each in out.rglob("*"):
            assert not each.is_symlink() and (each.is_dir() or each.stat().st_nlink == 1)


def test_modes_come_from_the_note_and_else_from_the_files(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/log").write_bytes(b"x")
    (tmp_path / "in/log").chmod(0o4711)
    assert load(tmp_path / "in").modes[2] == stat.S_IFREG | 0o711
    assert load(tmp_path / "in", note=VolumeNote()).modes[2] == stat.S_IFREG | 0o644
    assert load(tmp_path / "in", note=VolumeNote(modes={"/log": "100400"})).modes[2] == stat.S_IFREG | 0o400


def test_files_are_written_with_their_own_modes_but_can_always_be_read_and_replaced(tmp_path: Path) -> None:
    modes = {2: 0o100600, 3: 0o100755, 4: 0o104000}
    names = {ROOT_INODE: {"secret": 2, "program": 3, "locked": 4}}
    write_snapshot({"data": Image(dict.fromkeys(modes, b"x"), names, modes)}, tmp_path / "out", {})
    found = {name: stat.S_IMODE((tmp_path / "out/data" / name).stat().st_mode) for name in names[ROOT_INODE]}
    assert found == {"secret": 0o600, "program": 0o755, "locked": 0o600}


def test_lost_clusters_survive(tmp_path: Path) -> None:
    image = Image(lost_chains=(4096, 8192))
    write_snapshot({"data": image}, tmp_path / "out", {})
    assert load(tmp_path / "out/data", note=note_of(image)).lost_chains == (4096, 8192)


# ---------------------------------------------------------------- whole or not at all


def test_nothing_is_written_over_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/precious").write_bytes(b"x")
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    for name in ("full", "file"):
        with pytest.raises(UsageError, match="give a new one"):
            write_snapshot({"data": Image()}, tmp_path / name, {})
    assert (tmp_path / "full/precious").read_bytes() == b"x"
    write_snapshot({"data": Image()}, tmp_path / "empty", {})
    assert (tmp_path / "empty/snapshot.json").exists()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["empty", "file", "full"]


def test_a_failure_on_the_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []
    real = snapshot._write_file

    def failing(path: Path, content: bytes, mode: int) -> None:
        if path.name == "snapshot.json":
            # All files are there by now, and none of it under the name that was asked for.
            assert not (tmp_path / "out").exists()
            raise OSError(28, "No space left on device", str(path))
        written.append(path)
        real(path, content, mode)

    monkeypatch.setattr(snapshot, "_write_file", failing)
    image = Image().apply(Link(ROOT_INODE, "log", 2, stat.S_IFREG | 0o644))
    with pytest.raises(HarnessError, match="No space left"):
        write_snapshot({"data": image}, tmp_path / "out", {})
    assert written and not list(tmp_path.iterdir())


# ---------------------------------------------------------------- hostile directories


def _device(path: Path) -> None:
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "link to a file outside": (lambda path: path.symlink_to("/etc/passwd"), "is a symbolic link"),
    "link to a directory outside": (lambda path: path.symlink_to("/etc"), "is a symbolic link"),
    "link to nothing": (lambda path: path.symlink_to("nowhere"), "is a symbolic link"),
    "link to itself": (lambda path: path.symlink_to(path.name), "is a symbolic link"),
    "link within": (lambda path: path.symlink_to("good"), "is a symbolic link"),
    "fifo": (os.mkfifo, "is a FIFO"),
    "socket": (_socket, "is a socket"),
    "device": (_device, "is a character device"),
    "hard link": (lambda path: os.link(path.parents[1] / "outside", path), "has 2 names"),
    "too big": (
        lambda path: path.write_bytes(bytes(1024 * KIB + 1)),
        "more than the 1,044,480 that volume 'data' has left",
    ),
    "sparse and huge": (lambda path: [path.touch(), os.truncate(path, 1 << 40)], "has 1,099,511,627,776 bytes"),
}


@pytest.mark.parametrize("case", HOSTILE)
@pytest.mark.parametrize("deep", [False, True], ids=["at the top", "below"])
def test_hostile_entries_are_refused_with_path_and_reason(tmp_path: Path, case: str, deep: bool) -> None:
    place = tmp_path / "in"
    below = place / "sub" if deep else place
    below.mkdir(parents=True)
    (below / "good").write_bytes(b"good")
    (tmp_path / "outside").write_bytes(b"secret")
    make, reason = HOSTILE[case]
    monkey = below / "monkey"
    if deep and case == "hard link":
        os.link(tmp_path / "outside", monkey)
    elif case == "device" and os.geteuid() != 0:
        pytest.skip("only root makes device nodes")
    else:
        make(monkey)
    message = refusal(place)
    assert message.startswith(f"{monkey}: ") and reason in message
    assert "secret" not in message


def test_the_directory_itself_may_not_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to("in")
    for name, reason in (("link", "is a symbolic link; name the directory itself"), ("none", "no such file")):
        assert reason in refusal(tmp_path / name)
    (tmp_path / "file").touch()
    assert "not a directory" in refusal(tmp_path / "file")


def test_more_files_than_the_volume_has_inodes(tmp_path: Path) -> None:
    for number in range(9):
        (tmp_path / f"{number}").touch()
    assert len(load(tmp_path, room(inodes=10)).files) == 9
    (tmp_path / "sub").mkdir()
    assert "one file too many; volume 'data' holds 10" in refusal(tmp_path, room(inodes=10))
    for number in range(9):
        (tmp_path / f"sub/{number}").touch()
    assert "more files than the volume has room for (8)" in refusal(tmp_path, room(inodes=8))


def test_more_bytes_than_the_volume_has_blocks(tmp_path: Path) -> None:
    for number in range(16):
        (tmp_path / f"{number:02d}").write_bytes(b"x")  # a block each
    assert len(load(tmp_path, room(64)).files) == 16
    assert "has 1 bytes, more than the 0" in refusal(tmp_path, room(60))
    # A directory's own block counts where the medium keeps it.
    assert "69,632 bytes in whole blocks, more than its 65,536" in refusal(tmp_path, room(64, directories=True))


def test_deep_and_long_paths(tmp_path: Path) -> None:
    os.makedirs(tmp_path / "deep" / "/".join("d" * 66))
    assert "more than 64 deep" in refusal(tmp_path / "deep")
    here = os.open(tmp_path, os.O_RDONLY)
    try:
        os.mkdir("long", dir_fd=here)
        inner = os.open("long", os.O_RDONLY, dir_fd=here)
        for _ in range(17):
            os.mkdir("n" * 250, dir_fd=inner)
            following = os.open("n" * 250, os.O_RDONLY, dir_fd=inner)
            os.close(inner)
            inner = following
        os.close(inner)
    finally:
        os.close(here)
    assert "a path of more than 4,095 bytes" in refusal(tmp_path / "long")
    subprocess.run(["rm", "-rf", str(tmp_path / "long")], check=True)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["a:b"], "contains ':', which FAT cannot hold"),
        (["tab\t"], "contains '\\t'"),
        (["end."], "ends in a dot or space"),
        (["Log", "log"], "differs from another name only in case"),
        ([os.fsdecode(b"gbk\xc8\xd5")], "is no UTF-8"),
    ],
)
def test_names_that_fat_cannot_hold(tmp_path: Path, names: list[str], reason: str) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert len(load(tmp_path).files) == len(names)  # elsewhere they are names like others
    assert reason in refusal(tmp_path, room(fat=True))


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/secret").write_bytes(b"x")
    (tmp_path / "in/secret").chmod(0)
    if os.geteuid() != 0:
        assert "secret: permission denied" in refusal(tmp_path / "in")
        return
    # Root reads everything, so somebody else looks; the way to the directory is opened before.
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from harness.core.errors import UsageError\n"
        "from harness.storage.snapshot_read import Room, opened, read_volume\n"
        "from harness.storage.volume import Volume\n"
        "with opened(Path(sys.argv[1])) as descriptor:\n"
        "    os.setuid(65534)\n"
        "    try:\n"
        "        read_volume(descriptor, Room(Volume('data', '/', 1 << 20)), None, Path(sys.argv[1]))\n"
        "    except UsageError as error:\n"
        "        print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "in")], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{tmp_path}/in/secret: permission denied\n"


def _by_link(path: Path) -> None:
    path.rmdir() if path.is_dir() else path.unlink()
    path.symlink_to("../outside" if path.name == "sub" else "../outside/secret")


def _by_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


SWAPS: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "file by link": ("file", _by_link, "is a symbolic link"),
    "file by another": ("file", lambda path: os.replace(path.parents[1] / "outside/secret", path), "was replaced"),
    "file by a FIFO": ("file", _by_fifo, "is a FIFO"),
    "directory by link": ("sub", _by_link, "is a symbolic link"),
}


@pytest.mark.parametrize("case", SWAPS)
def test_swapping_a_name_while_it_is_read_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """Between the look and the opening somebody puts something else in its place."""
    name, swap, reason = SWAPS[case]
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_bytes(b"secret")
    (tmp_path / "in/sub").mkdir(parents=True)
    (tmp_path / "in/file").write_bytes(b"plain")
    real, swapped = os.open, []

    def opening(path: object, flags: int, *rest: object, **keys: object) -> int:
        if path == name and not swapped:
            swapped.append(path)
            swap(tmp_path / "in" / name)
        return real(path, flags, *rest, **keys)  # type: ignore[arg-type]

    monkeypatch.setattr(snapshot_read.os, "open", opening)
    assert reason in refusal(tmp_path / "in") and swapped


def test_a_file_that_grows_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "log").write_bytes(b"x" * 10)
    real = os.read

    def reading(descriptor: int, size: int) -> bytes:
        with (tmp_path / "log").open("ab") as log:
            log.write(b"more")
        return real(descriptor, size)

    monkeypatch.setattr(snapshot_read.os, "read", reading)
    assert "log: changed while it was read" in refusal(tmp_path)


NOTES: dict[str, tuple[VolumeNote, str]] = {
    "link that leaves": (VolumeNote(symbolic_links={"/../evil": "x"}), "names no place within the volume"),
    "link without a root": (VolumeNote(symbolic_links={"evil": "x"}), "names no place within the volume"),
    "link below a file": (VolumeNote(symbolic_links={"/log/x": "x"}), "names no place within the volume"),
    "link in no directory": (VolumeNote(symbolic_links={"/none/x": "x"}), "names no place within the volume"),
    "link over a file": (VolumeNote(symbolic_links={"/log": "x"}), "a file stands there"),
    "link to nothing": (VolumeNote(symbolic_links={"/x": ""}), "is no path"),
    "link with a NUL": (VolumeNote(symbolic_links={"/x": "a\0b"}), "is no path"),
    "name with a NUL": (VolumeNote(symbolic_links={"/a\0b": "x"}), "names no place"),
    "name too long": (VolumeNote(symbolic_links={"/" + "x" * 256: "x"}), "names no place"),
    "no characters": (VolumeNote(symbolic_links={"/\ud800": "x"}), "is no name that a file could have"),
    "same file, other content": (VolumeNote(same_file={"/log": "/other"}), "their contents differ"),
    "same file, none": (VolumeNote(same_file={"/log": "/none"}), "are not two files"),
    "same file, a directory": (VolumeNote(same_file={"/log": "/sub"}), "are not two files"),
    "mode of nothing": (VolumeNote(modes={"/none": "100644"}), "is not there"),
    "mode of another kind": (VolumeNote(modes={"/log": "40755"}), "not an octal mode of its kind"),
    "mode of a device": (VolumeNote(modes={"/log": "20666"}), "not an octal mode of its kind"),
    "mode that is none": (VolumeNote(modes={"/log": "0x1ff"}), "not an octal mode of its kind"),
    "lost bytes below zero": (VolumeNote(lost_chains=(-1,)), "are no sizes"),
    "lost bytes beyond the volume": (VolumeNote(lost_chains=(1 << 40,)), "are no sizes"),
    "all bytes lost": (VolumeNote(lost_chains=(1024 * KIB,)), "more than its 1,048,576"),
}


@pytest.mark.parametrize("case", NOTES)
def test_a_note_says_nothing_but_what_is_there(tmp_path: Path, case: str) -> None:
    (tmp_path / "log").write_bytes(b"log")
    (tmp_path / "other").write_bytes(b"other")
    (tmp_path / "sub").mkdir()
    note, reason = NOTES[case]
    assert reason in refusal(tmp_path, note=note)


def test_a_refusal_shows_no_card_number_and_no_control_character(tmp_path: Path) -> None:
    (tmp_path / "6217991234567890128\x1b[2J").symlink_to("x")
    message = refusal(tmp_path)
    assert "621799*********0128\\x1b" in message and "\x1b" not in message
