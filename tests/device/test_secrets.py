"""Card data is found in whatever way it was kept, and nothing that merely looks like it is."""

import base64
import gzip
import hashlib
import zlib
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.contract import CardData
from harness.core.masking import mask_pan
from harness.device.cards import Card, card_number
from harness.device.secrets import PRESENTATIONS_KEPT, Secrets

TOKEN = "20000000017"
CARD = Card(card_number(0.4321)).present(TOKEN)
BLOCK = bytes.fromhex("9bd13c77aa0f5e21")


@pytest.fixture
def secrets() -> Secrets:
    known = Secrets()
    known.card_read(CARD)
    known.pin_block_made(CARD.pan, BLOCK)
    return known


def packed(digits: str) -> bytes:
    return bytes.fromhex(digits + "f" * (len(digits) % 2))


AS_KEPT = {
    "text": CARD.pan.encode(),
    "two bytes a character": CARD.pan.encode("utf-16-le"),
    "packed": packed(CARD.pan),
    "packed at the odd half": packed("7" + CARD.pan + "7"),
    "hex of text": CARD.pan.encode().hex().encode(),
    "base64": base64.b64encode(b"n=" + CARD.pan.encode()),
    "base64 at another place": base64.b64encode(CARD.pan.encode()),
    "zlib": zlib.compress(b"card " + CARD.pan.encode()),
    "gzip": gzip.compress(b"card " + CARD.pan.encode(), mtime=0),
    "cut too little": f"{CARD.pan[:9]}***{CARD.pan[-4:]}".encode(),
    "last five": f"{CARD.pan[:6]}*****{CARD.pan[-5:]}".encode(),
}


@pytest.mark.parametrize("kept", AS_KEPT.values(), ids=AS_KEPT)
def test_a_card_number_is_found_however_it_is_kept(secrets: Secrets, kept: bytes) -> None:
    content = b"\x00\x01some record;" + kept + b";more\xff"
    (found,) = secrets.in_bytes(content)
    assert (found.kind, found.pan, found.token) == ("card_number", mask_pan(CARD.pan), TOKEN)
    assert abs(found.offset - content.find(kept)) <= 1


TRACKS = {
    "text": CARD.track2.encode(),
    "with a D": CARD.track2.replace("=", "D").encode(),
    "packed": packed(CARD.track2.replace("=", "d")),
    "without the number": CARD.track2.partition("=")[2].encode(),
    "base64": base64.b64encode(CARD.track2.encode()),
}


@pytest.mark.parametrize("kept", TRACKS.values(), ids=TRACKS)
def test_track_data_is_found_and_told_from_a_card_number(secrets: Secrets, kept: bytes) -> None:
    assert [each.kind for each in secrets.in_bytes(b"record " + kept + b" end")] == ["track_data"]


@pytest.mark.parametrize(
    "kept", [BLOCK, BLOCK.hex().encode(), b"a" + BLOCK.hex().upper().encode(), base64.b64encode(BLOCK)]
)
def test_a_pin_block_is_found(secrets: Secrets, kept: bytes) -> None:
    (found,) = secrets.in_bytes(b"52: " + kept + b" .")
    assert (found.kind, found.token) == ("pin_block", TOKEN)


@pytest.mark.parametrize("made", [hashlib.md5, hashlib.sha1, hashlib.sha256])
def test_a_hash_is_found_beside_the_truncated_number_and_not_alone(secrets: Secrets, made: object) -> None:
    digest = made(CARD.pan.encode()).hexdigest()  # type: ignore[operator]
    assert secrets.in_bytes(digest.encode()) == ()
    beside = secrets.in_bytes(f"{digest} {mask_pan(CARD.pan)}".encode())
    assert [each.kind for each in beside] == ["hash_beside_truncated"]
    other = hashlib.sha256(b"salt" + CARD.pan.encode()).hexdigest()
    assert secrets.in_bytes(f"{other} {mask_pan(CARD.pan)}".encode()) == ()


def test_what_only_looks_like_a_card_number_is_none(secrets: Secrets) -> None:
    """Other cards of the same ranges, masked numbers, times, amounts and noise."""
    rng = Random(7)
    others = [card_number(rng.random()) for _ in range(3_000)]
    assert CARD.pan not in others
    looks = " ".join([*others, mask_pan(CARD.pan), CARD.pan[-10:], CARD.pan[:6], TOKEN, "20261130143000", CARD.expiry])
    assert secrets.in_bytes(looks.encode()) == ()
    assert secrets.in_bytes(rng.randbytes(200_000)) == ()
    assert secrets.in_text(looks) == (looks, ())


def test_the_empty_device_knows_no_secret() -> None:
    assert Secrets().in_bytes(CARD.track2.encode()) == ()
    assert Secrets().in_text(CARD.track2) == (CARD.track2, ())


@pytest.mark.parametrize("shown", ["{}", "No. {}!", "卡号{}", "1{}"])
@pytest.mark.parametrize("gap", ["", " ", "-"])
def test_a_text_is_told_of_and_masked(secrets: Secrets, shown: str, gap: str) -> None:
    groups = gap.join(CARD.pan[at : at + 4] for at in range(0, 16, 4))
    masked, found = secrets.in_text(shown.format(groups))
    assert [each.kind for each in found] == ["card_number"]
    assert CARD.pan not in masked.replace(gap, "") and masked.replace(gap, "").count("*") == 6
    assert CARD.pan[:6] in masked.replace(gap, "") and masked.replace(gap, "").count(CARD.pan[-4:]) == 1


@pytest.mark.parametrize("shown", [CARD.track2, CARD.track2[17:], BLOCK.hex(), BLOCK.hex().upper(), repr(BLOCK)])
def test_no_digit_of_sensitive_data_stays_in_a_text(secrets: Secrets, shown: str) -> None:
    masked, found = secrets.in_text(f"dump: {shown} end")
    assert len(found) == 1 and found[0].kind in ("track_data", "pin_block")
    assert not any(each.isdigit() for each in masked)
    assert masked.startswith("dump: ") and masked.endswith(" end")


def test_the_latest_are_known_and_their_number_is_bounded() -> None:
    known = Secrets()
    cards = [Card(card_number(place / 5_000)) for place in range(PRESENTATIONS_KEPT + 50)]
    for place, card in enumerate(cards):
        known.card_read(card.present(f"{place:011d}"))
    assert len(known) == PRESENTATIONS_KEPT
    assert known.in_bytes(cards[49].pan.encode()) == ()
    (found,) = known.in_bytes(cards[50].pan.encode())
    assert found.token == "00000000050"
    assert len(known.in_bytes(" ".join(card.pan for card in cards).encode())) == PRESENTATIONS_KEPT
    # A card that is shown again is as young as its last presentation.
    for place in range(PRESENTATIONS_KEPT):
        known.card_read(cards[-1].present(f"{9_000_000 + place:011d}"))
    assert [each.token for each in known.in_bytes(cards[-1].pan.encode())] == [
        f"{9_000_000 + PRESENTATIONS_KEPT - 1:011d}"
    ]
    assert known.in_bytes(cards[-2].pan.encode()) == ()


def test_a_card_without_track_2_is_no_canary() -> None:
    known = Secrets()
    known.card_read(CardData(CARD.pan, "3012", ""))
    assert len(known) == 0


PIECES = [
    *(CARD.pan[:size] for size in (3, 4, 6, 16)), CARD.pan[-4:], CARD.pan[8:], CARD.track2, CARD.track2[17:], CARD.track2[17:28],
    *(CARD.pan[at : at + 2] for at in range(0, 16, 2)), BLOCK.hex(), repr(BLOCK), BLOCK.hex()[:15], "\\x9b", " ", "-", "  ", "*",
    "******", "=", "APPROVED 34.01", "消费", "7", " ".join(CARD.pan[at : at + 2] for at in range(0, 16, 2)), "-".join(CARD.pan),
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_the_quick_no_for_texts_with_few_digits_is_never_wrong(text: str) -> None:
    quick, slow = Secrets(), Secrets()
    slow._only_digits = False
    for known in (quick, slow):
        known.card_read(CARD)
        known.pin_block_made(CARD.pan, BLOCK)
    assert quick.in_text(text) == slow.in_text(text)


def test_track_data_that_is_not_all_digits_is_found_too() -> None:
    known = Secrets()
    known.card_read(CARD)
    known.card_read(CardData(CARD.pan, "3012", f"{CARD.pan}=ABCDEFGHIJKLMNO"))
    assert [each.kind for each in known.in_text("=ABCDEFGHIJKLMNO")[1]] == ["track_data"]


GROUPS = st.lists(st.integers(1, 9), min_size=1, max_size=8)
GAPS = st.lists(st.sampled_from(["", " ", "-", "- ", "   ", "/"]), min_size=8, max_size=8)


@given(GROUPS, GAPS, st.sampled_from(["", "4", "7 ", "91-", "x"]))
def test_a_number_in_groups_is_found_wherever_the_gaps_are(sizes: list[int], gaps: list[str], before: str) -> None:
    known = Secrets()
    known.card_read(CARD)
    digits, parts = CARD.pan, []
    for size, gap in zip(sizes, gaps, strict=False):
        parts.append(digits[:size] + (gap if len(digits) > size else ""))
        digits = digits[size:]
    text = before + "".join(parts) + digits
    readable = not any("   " in part or "/" in part for part in parts)
    shown, found = known.in_text(text)
    assert bool(found) == readable
    assert (shown == text) is not readable
