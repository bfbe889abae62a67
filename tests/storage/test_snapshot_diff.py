"""What differs between two snapshots, and that no card number shows in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import UsageError
from harness.storage.snapshot_diff import FileDifference, compare, first_difference, hexdump

PAN = "6217991234567890128"
LUHN_PAN = "4111111111111111"


def lay(place: Path, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        target = place / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    place.mkdir(exist_ok=True)
    return place


def told(one: dict[str, bytes], other: dict[str, bytes], tmp_path: Path) -> list[FileDifference]:
    return compare(lay(tmp_path / "one", one), lay(tmp_path / "other", other))


def test_the_same_is_no_difference(tmp_path: Path) -> None:
    files = {"data/log": b"x" * 100, "data/sub/a": b"", "top": b"y"}
    assert told(files, files, tmp_path) == []


def test_each_kind_of_difference_is_told(tmp_path: Path) -> None:
    before = {"data/log": b"\xaa\xbb\xcc\xdd\xee", "data/gone": b"xyz", "data/kind": b"k", "data/grown": b"ab"}
    after = {"data/log": b"\xaa\xbbn\xdd\xee", "data/new/file": b"n", "data/kind/file": b"", "data/grown": b"abc"}
    found = {each.path: each for each in told(before, after, tmp_path)}
    assert {path: (each.what, each.sizes, each.offset) for path, each in found.items()} == {
        "data/gone": ("only in the first", (3, None), None),
        "data/grown": ("another content", (2, 3), 2),
        "data/kind": ("another kind", (1, 0), None),
        "data/kind/file": ("only in the second", (None, 0), None),
        "data/log": ("another content", (5, 5), 2),
        "data/new": ("only in the second", (None, None), None),
        "data/new/file": ("only in the second", (None, 1), None),
    }
    assert found["data/log"].after == (f"00000000  aa bb 6e dd ee{' ' * 33}  ..n..",)


def test_modes_links_and_nvram_come_from_the_note(tmp_path: Path) -> None:
    note = b'{"volumes": {"data": {"modes": {"/log": "100600"}, "symbolic_links": {"/l": "%s"}}}, "nvram": "%s"}'
    one = {"data/log": b"x", "snapshot.json": note % (b"a", b"0001")}
    other = {"data/log": b"x", "snapshot.json": note.replace(b"100600", b"100644") % (b"b", b"0002")}
    found = {each.path: (each.what, each.offset) for each in told(one, other, tmp_path)}
    assert found == {
        "(NVRAM)": ("another content", 1),
        "data/l": ("another content", 0),
        "data/log": ("another mode", None),
    }


@pytest.mark.parametrize("note", [b"{", b"[" * 100_000, b'{"volumes": 3}', b'{"nvram": "zz"}', b"\xff"])
def test_a_note_that_is_none_is_refused(tmp_path: Path, note: bytes) -> None:
    with pytest.raises(UsageError, match=r"snapshot\.json"):
        told({"snapshot.json": note}, {}, tmp_path)


def test_nothing_is_followed(tmp_path: Path) -> None:
    lay(tmp_path / "one", {"log": b""})
    (tmp_path / "one/evil").symlink_to("/etc/passwd")
    with pytest.raises(UsageError, match="evil: is a symbolic link"):
        compare(tmp_path / "one", tmp_path / "one")


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_the_first_difference_is_the_first(one: bytes, other: bytes) -> None:
    offset = first_difference(one, other)
    assert one[:offset] == other[:offset]
    assert offset == min(len(one), len(other)) or one[offset] != other[offset]


# ---------------------------------------------------------------- card numbers


@given(st.binary(max_size=100), st.binary(max_size=100), st.integers(0, 120))
def test_no_card_number_in_text_shows(before: bytes, after: bytes, start: int) -> None:
    before, after = before.rstrip(b"0123456789"), after.lstrip(b"0123456789")
    rows = hexdump(before + PAN.encode() + after, start)
    shown_text = "".join(row[-len(row) + 59 :] for row in rows)
    digits = "".join(row[10:57] for row in rows).replace(" ", "")
    for middle in range(6, len(PAN) - 4 - 2):
        assert PAN[middle : middle + 3] not in shown_text or PAN[middle : middle + 3] in (before + after).decode(
            "latin-1"
        )
    assert PAN[6:15].encode().hex() not in digits


@given(st.binary(max_size=40), st.binary(max_size=40), st.booleans())
def test_no_packed_card_number_shows(before: bytes, after: bytes, odd: bool) -> None:
    packed = bytes.fromhex(("0" if odd else "") + LUHN_PAN + ("d" if odd else ""))
    rows = hexdump(before + packed + after, max(0, (len(before) // 16 - 1) * 16))
    digits = "".join(row[10:57] for row in rows).replace(" ", "")
    assert LUHN_PAN not in digits


def test_what_is_no_card_number_stays_readable() -> None:
    assert hexdump(b"batch 000001 stan 000042", 0) == (
        "00000000  62 61 74 63 68 20 30 30 30 30 30 31 20 73 74 61  batch 000001 sta",
        "00000010  6e 20 30 30 30 30 34 32                          n 000042",
    )
    assert "*" not in "".join(hexdump(bytes(64), 0))
    # A card number is masked as a whole also where it begins before the bytes that are shown.
    rows = hexdump(b"x" * 28 + PAN.encode() + b" end" + b"." * 40, 32)
    assert rows[0].endswith("99*********0128 ")


def test_the_rows_show_first_six_and_last_four() -> None:
    assert [row[59:] for row in hexdump(b"a log: pan=" + PAN.encode() + b".", 0)] == [
        "a log: pan=62179",
        "9*********0128.",
    ]
    packed = hexdump(bytes.fromhex(LUHN_PAN), 0)[0]
    assert packed.startswith("00000000  41 11 11 ** ** ** 11 11  ")
