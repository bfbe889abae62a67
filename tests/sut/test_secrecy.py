"""What software shows, prints, stores and dies of is searched for its customers' card data, and no whole number is recorded."""

from pathlib import Path

import msgspec
import pytest

from harness.device.cards import Card, card_number
from harness.history.events import ReceiptPrinted, ScreenShown, SecretFound, SecretsSought, SoftwareDied
from harness.sut.secrecy import TOLD_MAX, search
from tests.sut.rig import Rig

TOKEN = "20000000017"
CARD = Card(card_number(0.25)).present(TOKEN)

SOFTWARE = """
    class App(Terminal):
        manifest = Manifest(name="app")
        def sale(self, action):
            card = self.device.card.read(10)
            {do}
            return Approved("000001", "000002")
    """


def sold(tmp_path: Path, do: str) -> Rig:
    rig = Rig(tmp_path, SOFTWARE.format(do=do)).start()
    pending = rig.station.request("sale", 100)
    rig.at(1.0, lambda: rig.station.present_card(CARD))
    rig.run(30)
    assert pending.done.triggered
    return rig


def found(rig: Rig) -> list[tuple[str, str]]:
    whole = msgspec.json.encode(rig.events)
    assert CARD.pan.encode() not in whole.replace(b" ", b"").replace(b"-", b"")
    return [(each.kind, each.where) for each in rig.events if isinstance(each, SecretFound)]


SPACED = '" ".join(card.pan[at:at + 4] for at in range(0, 16, 4))'
EXPOSED = {
    "screen": (f'self.device.display.show(Screen("text", {SPACED}))', ("card_number", "screen")),
    "receipt": (f'self.device.printer.print(Receipt("sale", "No. " + {SPACED}))', ("card_number", "receipt")),
    "track on a receipt": ('self.device.printer.print(Receipt("other", card.track2))', ("track_data", "receipt")),
    "printed": ("print('dump', card.pan.replace('', '-'))", ("card_number", "log")),
    "written to stderr": ("import sys; print(repr(card.track2), file=sys.stderr)", ("track_data", "log")),
    "last words": (f"raise ValueError('bad card ' + {SPACED})", ("card_number", "log")),
}


@pytest.mark.parametrize(("do", "expected"), EXPOSED.values(), ids=EXPOSED)
def test_what_is_shown_is_found_and_masked(tmp_path: Path, do: str, expected: tuple[str, str]) -> None:
    rig = sold(tmp_path, do)
    assert found(rig) == [expected]
    (event,) = [each for each in rig.events if isinstance(each, SecretFound)]
    assert (event.token, event.pan, event.when) == (TOKEN, f"{CARD.pan[:6]}******{CARD.pan[-4:]}", "shown")


def test_a_masked_number_is_shown_as_it_is(tmp_path: Path) -> None:
    masked = 'card.pan[:6] + "******" + card.pan[-4:]'
    do = f'self.device.display.show(Screen("text", {masked})); self.device.printer.print(Receipt("sale", {masked}))'
    rig = sold(tmp_path, f"{do}; print({masked})")
    assert found(rig) == []
    texts = [each.text for each in rig.events if isinstance(each, ScreenShown | ReceiptPrinted) and each.text]
    assert texts == [f"{CARD.pan[:6]}******{CARD.pan[-4:]}"] * 2
    assert rig.of(SoftwareDied) == []


KEPT = {
    "file": ('open("/data/log", "w").write(f"x {card.pan}")', "file", "/data/log", 2),
    "file name": ('open(f"/data/{card.pan}", "w").close()', "file_name", f"/data/{CARD.pan[:6]}******{CARD.pan[-4:]}", 6),
    "NVRAM": ("self.device.nvram.write(40, card.pan.encode())", "nvram", "", 40),
    "deleted": (
        'import os; open("/data/t", "w").write(card.pan); os.remove("/data/t")', "free_page", "/data/t", 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("do", "where", "path", "offset"), KEPT.values(), ids=KEPT)
def test_what_is_kept_is_found_where_it_is(tmp_path: Path, do: str, where: str, path: str, offset: int) -> None:
    rig = sold(tmp_path, do)
    assert found(rig) == []
    search(rig.station, "end")
    (event,) = [each for each in rig.events if isinstance(each, SecretFound)]
    assert found(rig) == [("card_number", where)]
    assert (event.path, event.offset, event.when) == (path, offset, "end")
    assert [(each.presentations, each.found) for each in rig.events if isinstance(each, SecretsSought)] == [(1, 1)]


def test_a_device_that_saw_no_card_is_not_searched(tmp_path: Path) -> None:
    rig = Rig(tmp_path, SOFTWARE.format(do="pass")).start()
    search(rig.station, "end")
    assert rig.of(SecretsSought) == [] and rig.of(SecretFound) == []


def test_a_search_tells_a_bounded_number_oldest_first_and_counts_all(tmp_path: Path) -> None:
    rig = Rig(tmp_path, SOFTWARE.format(do='open("/data/log", "a").write(card.pan + " ")')).start()
    cards = [Card(card_number(place / 1_000)) for place in range(TOLD_MAX + 5)]
    for place, card in reversed(list(enumerate(cards))):
        shown = card.present(f"{place:011d}")
        rig.station.request("sale", 100)
        rig.at(1.0, lambda shown=shown: rig.station.present_card(shown))
        rig.run(30)
    search(rig.station, "end")
    told = [each.token for each in rig.events if isinstance(each, SecretFound)]
    assert told == [f"{place:011d}" for place in range(TOLD_MAX + 4, 4, -1)]
    assert [each.found for each in rig.events if isinstance(each, SecretsSought)] == [TOLD_MAX + 5]
