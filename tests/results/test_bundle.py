"""Bundles as files: what is written is read back, and nothing but a whole bundle of a known format is taken for one."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import ExitCode, HarnessError, UsageError
from harness.results.bundle import FORMAT, Bundle, BundleInfo, read_bundle, unpack_images, write_bundle

INFO = BundleInfo(
    FORMAT, "0.1.0", "3.11.7", "1.0", "reference", 1, "x", "0123abcd", 3, "no_double_charge", "charged", "T01", 5, 2, "ff",
    images={"": "all"},
)  # fmt: skip
WHOLE = Bundle(
    INFO,
    "name: x\n",
    b"{}",
    b"12345678",
    "name: y\n",
    {"all/data/a": b"\x00\xff", "all/data/empty/": b"", "all/b": b""},
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "finding.zip", WHOLE)


def unsealed(path: Path) -> Bundle:
    read = read_bundle(path)
    return replace(read, info=msgspec.structs.replace(read.info, content_sha256=""))


def refused(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        read_bundle(path)
    assert caught.value.exit_code is ExitCode.USAGE
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_what_is_written_is_read_back_and_the_same_content_gives_the_same_bytes(path: Path, tmp_path: Path) -> None:
    assert unsealed(path) == WHOLE
    assert write_bundle(tmp_path / "again.zip", WHOLE).read_bytes() == path.read_bytes()
    unpacked = unpack_images(WHOLE, tmp_path)
    assert unpacked == {"": tmp_path / "all"} and (tmp_path / "all" / "data" / "a").read_bytes() == b"\x00\xff"
    assert (tmp_path / "all" / "data" / "empty").is_dir()


@pytest.mark.parametrize("files", [("all/data", "all/data/a"), ("all/data/" + "n" * 300,)])
def test_images_whose_names_contradict_each_other_are_refused(tmp_path: Path, files: tuple[str, ...]) -> None:
    hostile = replace(WHOLE, image_files=dict.fromkeys(files, b""))
    with pytest.raises(UsageError, match="refused: images/all/data"):
        unpack_images(hostile, tmp_path)


def test_a_bundle_that_cannot_be_written_leaves_what_was_there(path: Path, tmp_path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(HarnessError, match="cannot write"):
        write_bundle(tmp_path / "nowhere" / "finding.zip", WHOLE)
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "finding.zip").mkdir()
    with pytest.raises(HarnessError, match="cannot write"):
        write_bundle(blocked / "finding.zip", WHOLE)
    assert [each.name for each in blocked.iterdir()] == ["finding.zip"] and path.read_bytes() == before


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_damage_anywhere_is_told_or_harmless(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("damage") / "finding.zip"
    content = bytearray(write_bundle(path, WHOLE).read_bytes())
    if data.draw(st.booleans()):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    path.write_bytes(content)
    try:
        read = unsealed(path)
    except UsageError as error:
        assert str(path) in str(error)
    else:
        # A flipped bit in a date, or in bytes between members, says nothing else of what is in them.
        assert read == WHOLE


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_bundle_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    assert "no bundle, or a damaged one" in refused(tmp_path / "x.zip")


def test_content_that_was_exchanged_is_told(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**members, "resolved.yaml": b"name: z\n"}.items():
            archive.writestr(name, content)
    assert "not what was put into it" in refused(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "none.zip")


def edited(path: Path, edit: Callable[[zipfile.ZipFile, dict[str, bytes]], None]) -> Path:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    # Of what is refused for another reason the digest says nothing.
    head = msgspec.json.decode(members["bundle.json"])
    members["bundle.json"] = msgspec.json.encode({**head, "content_sha256": ""})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        edit(archive, members)
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "name",
    ["../outside", "images/../../outside", "/etc/passwd", "images/a\\b", "C:/x", "images/\x01", "other.py", "x/"],
)
def test_names_that_leave_the_directory_or_that_no_bundle_has_are_refused(path: Path, name: str) -> None:
    edited(path, lambda archive, _: archive.writestr(name, b"x"))
    assert "refused" in refused(path)


def test_links_are_refused(path: Path) -> None:
    def edit(archive: zipfile.ZipFile, _: dict[str, bytes]) -> None:
        link = zipfile.ZipInfo("images/all/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, b"/etc/passwd")

    assert "is no plain file" in refused(edited(path, edit))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_is_refused(path: Path) -> None:
    edited(path, lambda archive, members: archive.writestr("resolved.yaml", b"name: z\n"))
    assert "stands in it twice" in refused(path)


def test_a_bomb_is_refused_by_what_it_declares(path: Path) -> None:
    edited(path, lambda _, members: members.update({"bundle.json": members["bundle.json"] + b" " * (2 << 20)}))
    assert "more than the 1 MiB that it may" in refused(path)


def test_what_declares_little_and_unpacks_to_much_is_stopped_on_the_way(path: Path) -> None:
    edited(path, lambda _, members: members.update({"dialect.yaml": b"#" * (1 << 20)}))
    raw = bytearray(path.read_bytes())
    # Both headers say 10 bytes where a mebibyte comes out.
    for at in range(len(raw) - 4):
        if raw[at : at + 4] == (1 << 20).to_bytes(4, "little"):
            raw[at : at + 4] = (10).to_bytes(4, "little")
    path.write_bytes(raw)
    assert "no bundle, or a damaged one" in refused(path)


def test_a_later_format_names_both_and_says_what_to_do(path: Path) -> None:
    def edit(_: zipfile.ZipFile, members: dict[str, bytes]) -> None:
        members["bundle.json"] = msgspec.json.encode({"format": FORMAT + 1, "harness": "9.9", "something": "new"})

    said = refused(edited(path, edit))
    assert f"format {FORMAT + 1}, written by harness 9.9" in said and "update the harness" in said


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"\xff", b'{"format": true}', b'{"format": 0}', b'{"format": 1}', b'{"format": "1"}']
)
def test_a_head_that_says_nothing_is_told(path: Path, content: bytes) -> None:
    edited(path, lambda _, members: members.update({"bundle.json": content}))
    assert "no bundle, or a damaged one" in refused(path)


def test_what_a_later_harness_only_adds_to_the_head_is_passed_over(path: Path) -> None:
    def edit(_: zipfile.ZipFile, members: dict[str, bytes]) -> None:
        head = msgspec.json.decode(members["bundle.json"])
        members["bundle.json"] = msgspec.json.encode({**head, "added_later": 1})

    assert unsealed(edited(path, edit)) == WHOLE


def test_images_that_leave_their_directory_are_refused(tmp_path: Path) -> None:
    crooked = Bundle(msgspec.structs.replace(INFO, images={"": ".."}), "name: x\n", b"{}", b"")
    with pytest.raises(UsageError, match="no directory below images"):
        unpack_images(crooked, tmp_path)
