"""A program that only prints text: its lines are screens and slips, events are lines, and screens say how actions end."""

import pytest

from harness.contract import Action, ActionRequested, CableChanged, CardData, KeyPressed
from harness.device.session import ContractViolation
from harness.device.text_map import map_of
from harness.history.events import ReceiptPrinted, ScreenShown
from harness.sut.wire.manifest_file import read_manifest
from tests.sut.wire.wire_bench import WireBench

MANIFEST = """\
name: 小店
encoding: gbk
actions: [sale, void, settle, reprint]
screens:
  - {pattern: 欢迎, kind: idle}
  - {pattern: 请刷卡, kind: prompt}
  - {pattern: '交易成功 (?P<amount>[0-9.]+)元 凭证(?P<stan>[0-9]+)', kind: approved}
  - {pattern: 交易拒绝, kind: declined}
  - {pattern: 存储满, kind: storage_full}
receipts:
  - {pattern: '消费 (?P<amount>[0-9.]+)元', kind: sale}
text:
  slip_prefix: "打印 "
  events:
    boot: "BOOT {tid} {mid} {host} {port}"
    sale: "SALE {amount_fen} {amount}"
    void: "VOID {original_stan}"
    settle: SETTLE
    reprint: REPRINT
    key: "KEY {key}"
    card: "CARD {track2}"
    no_card: NO CARD
    out_of_paper: PAPER OUT
    cable_out: LINE DOWN
"""
CARD = CardData("6250941006528599", "3012", "6250941006528599=301220112345678901")


class TextBench(WireBench):
    def __init__(self) -> None:
        declared = read_manifest(MANIFEST.encode(), "m")
        super().__init__(declared.text, map_of(declared.manifest))

    def say(self, *lines: str) -> None:
        self.wire.feed("".join(line + "\n" for line in lines).encode("gbk"))
        self.run_for(5)

    def heard(self) -> list[str]:
        lines = self.sent.decode("gbk").splitlines()
        self.sent.clear()
        return lines

    def post(self, event) -> None:
        self.hardware.facade.post(event)
        self.run_for(1)

    def ended(self) -> list[tuple[int, str, str, str]]:
        return [(action.number, outcome.kind, outcome.reason, outcome.stan) for action, outcome in self.finished]


def test_a_sale_of_lines():
    bench = TextBench()
    bench.wire.start()
    bench.run_for(1)
    assert bench.heard() == ["BOOT 10000001 123456789012345 acquirer.example 5500"]
    assert bench.ready_count == 0, "it has not said that it is ready"
    bench.say("启动", "欢迎")
    assert bench.ready_count == 1
    bench.post(ActionRequested(Action(1, "sale", 1205)))
    bench.say("欢迎")  # the clock on the idle screen moved before it saw the key
    assert (bench.heard(), bench.ended()) == (["SALE 1205 12.05"], [])
    bench.say("请刷卡", "请刷卡")
    bench.hardware.present_card(CARD)
    bench.run_for(2)
    assert bench.heard() == ["CARD " + CARD.track2]
    bench.say("交易成功 12.05元 凭证000123", "打印 消费 12.05元")
    assert bench.ended() == []
    bench.say("欢迎")
    assert bench.ended() == [(1, "approved", "", "000123")]
    approved = next(each for each in bench.events(ScreenShown) if each.kind == "approved")
    (slip,) = bench.events(ReceiptPrinted)
    assert (approved.amount_fen, approved.stan, approved.action) == (1205, "000123", 1)
    assert (slip.kind, slip.amount_fen, slip.action) == ("sale", 1205, 1)


def test_how_actions_end():
    bench = TextBench()
    bench.say("欢迎")
    for number, kind, lines in (
        (1, "sale", ("存储满",)),
        (2, "void", ("交易拒绝",)),
        (3, "sale", ("处理中",)),
        (4, "reprint", ("处理中",)),
    ):
        bench.post(ActionRequested(Action(number, kind)))
        bench.say(*lines, "欢迎")
    bench.post(ActionRequested(Action(5, "refund")))
    assert bench.ended() == [
        (1, "refused", "storage_full", ""),
        (2, "declined", "declined", ""),
        (3, "failed", "no_verdict", ""),
        (4, "done", "", ""),
        (5, "unsupported", "", ""),
    ]


def test_the_world_is_told_as_far_as_there_are_lines_for_it():
    bench = TextBench()
    bench.say("欢迎")
    bench.post(KeyPressed("cancel"))
    bench.post(CableChanged(True))
    bench.post(CableChanged(False))
    bench.hardware.printer.remove_paper()
    bench.run_for(1)
    bench.say("打印 消费 1.00元")
    assert bench.heard() == ["KEY cancel", "LINE DOWN", "PAPER OUT", "PAPER OUT"]


def test_nobody_shows_a_card():
    bench = TextBench()
    bench.say("欢迎")
    bench.post(ActionRequested(Action(1, "sale", 5)))
    bench.say("请刷卡")
    bench.run_for(61)
    assert bench.heard() == ["SALE 5 0.05", "NO CARD"]


def test_it_may_ask_for_what_has_no_words():
    bench = TextBench()
    bench.wire.feed(b'{"id":1,"call":"has_key","slot":"mac"}\n')
    bench.run_for(1)
    assert bench.heard() == ['{"id":1,"ok":{"loaded":false}}']
    with pytest.raises(ContractViolation, match="told of events and cards by lines of text"):
        bench.wire.feed(b'{"id":1,"call":"next_event"}\n')


def test_any_bytes_are_text_and_a_flood_is_a_breach():
    bench = TextBench()
    bench.wire.feed(b"\xff\x00{\n{x\n\n")
    bench.run_for(1)
    assert [each.kind for each in bench.events(ScreenShown)] == ["text", "text"]
    with pytest.raises(ContractViolation, match="more than 1000 lines of text at once"):
        TextBench().wire.feed(b"x\n" * 1_001)
