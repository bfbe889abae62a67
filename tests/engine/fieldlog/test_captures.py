"""Captures and dumps of ISO 8583: what went over the line, in whatever pieces, and what the log proves by it."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from harness.engine.fieldlog.infer import script_of
from harness.engine.fieldlog.messages import MessageReader, of_capture, of_dump
from harness.engine.fieldlog.model import LogError, Record
from harness.engine.fieldlog.write import scenario_of
from harness.host.dialects import DialectChoice
from harness.iso8583 import Message, unionpay
from harness.scenario.load import load_text
from tests.engine.fieldlog.captures import PAN, SALE, SETTLE, Capture, answer, independent, request

ZONE = "Asia/Shanghai"
NINE = 9 * 3600


def records(tmp_path: Path, data: bytes) -> list[Record]:
    path = tmp_path / "log.pcap"
    path.write_bytes(data)
    return of_capture(path, MessageReader(DialectChoice.named("unionpay")), ZONE)


def in_short(found: list[Record]) -> list[tuple[str, int | None, str]]:
    return [(each.what, each.amount_fen, each.result) for each in found]


def day(capture: Capture | None = None) -> Capture:
    """Four sales, one of which is not answered and one declined, and a settlement that is reset and then asked for again."""
    capture = capture or Capture()
    capture.opens(NINE)
    capture.up(NINE, request("0200", 1, 1250, SALE))
    capture.down(NINE + 1, answer("0210", 1, "00", 1250))
    capture.up(NINE + 60, request("0200", 2, 990, SALE))
    capture.up(NINE + 120, request("0400", 2, 990, {**SALE, 39: "98"}))
    capture.down(NINE + 121, answer("0410", 2, "00", 990))
    capture.up(NINE + 130, request("0200", 3, 5000, SALE, "6222020200112233999"))
    capture.down(NINE + 131, answer("0210", 3, "51", 5000))
    capture.up(NINE + 300, request("0500", 4, None, SETTLE))
    capture.resets(NINE + 301)
    capture.opens(NINE + 400)
    capture.up(NINE + 400, request("0500", 5, None, SETTLE))
    capture.down(NINE + 401, answer("0510", 5))
    return capture


def test_what_the_messages_say_becomes_a_scenario_without_any_card_number(tmp_path: Path) -> None:
    found = records(tmp_path, day().bytes())
    assert in_short(found) == [
        ("sale", 1250, "approved"), ("sale", 990, "no_reply"), ("reversal", None, "approved"), ("sale", 5000, "declined"),
        ("settle", None, "reset"), ("settle", None, "approved"),
    ]  # fmt: skip
    text = scenario_of(tmp_path / "log.pcap", found)
    plan = load_text(text)
    assert plan.actions is not None
    assert [(each.do, each.amount_fen) for each in plan.actions] == [
        ("sale", 1250), ("sale", 990), ("sale", 5000), ("settle", None), ("settle", None)
    ]  # fmt: skip
    assert [each.fault.kind for each in plan.faults] == ["host_silent", "issuer_declines", "link_reset"]
    assert "line 5: this sale was never answered" in text
    assert PAN not in text and PAN[-8:] not in text


def test_pieces_repeats_and_disorder_change_nothing(tmp_path: Path) -> None:
    whole, broken = Capture(), Capture(order=">", vlan=True)
    for capture, pieces in ((whole, 1), (broken, 3)):
        capture.opens(NINE, first=0xFFFFFFF0 if capture is broken else 1000)
        capture.up(NINE, request("0200", 1, 1250, SALE), pieces=pieces)
        if capture is broken:
            capture.swaps()
            capture.again()
        capture.down(NINE + 1, answer("0210", 1, "00", 1250) + answer("0810", 9), pieces=pieces)
        if capture is broken:
            capture.again()
    assert (
        in_short(records(tmp_path, broken.bytes()))
        == in_short(records(tmp_path, whole.bytes()))
        == [("sale", 1250, "approved")]
    )


def test_more_behind_what_is_known_counts_and_a_port_that_is_used_again_begins_anew(tmp_path: Path) -> None:
    capture = Capture()
    capture.opens(NINE, first=90_000)
    capture.up(NINE, request("0200", 1, 1250, SALE) + request("0200", 2, 990, SALE))
    first = answer("0210", 1, "00", 1250)
    capture.down(NINE + 1, first)
    capture.overlaps(NINE + 2, first[10:], answer("0210", 2, "51", 990))
    # Nobody said good-bye; the numbers of the next connection are lower.
    capture.opens(NINE + 60, first=1_000)
    capture.up(NINE + 60, request("0200", 3, 100, SALE))
    capture.down(NINE + 61, answer("0210", 3, "00", 100))
    assert in_short(records(tmp_path, capture.bytes())) == [
        ("sale", 1250, "no_reply"), ("sale", 990, "declined"), ("sale", 100, "approved"),
    ]  # fmt: skip


def test_messages_of_another_codec_are_read_alike(tmp_path: Path) -> None:
    common = {"3": "000000", "4": "000000001250", "11": "000007", "41": "30000001", "42": "898000000000001"}
    capture = Capture()
    capture.opens(NINE)
    sale = {"2": PAN, **common, "22": "052", "25": "00", "49": "156", "60": "22000001"}
    capture.up(NINE, independent("0200", sale))
    capture.down(NINE + 1, independent("0210", {**common, "39": "00", "60": "22000001"}))
    found = records(tmp_path, capture.bytes())
    assert in_short(found) == [("sale", 1250, "approved")]
    ours = Capture()
    ours.opens(NINE)
    ours.up(NINE, request("0200", 7, 1250, SALE))
    assert records(tmp_path, ours.bytes())[0].card == found[0].card


def test_a_request_sent_again_is_no_second_sale_and_another_one_s_answer_is_none(tmp_path: Path) -> None:
    capture = Capture()
    capture.opens(NINE)
    capture.up(NINE, request("0200", 1, 1250, SALE))
    capture.up(NINE + 5, request("0200", 1, 1250, SALE))
    capture.down(NINE + 6, answer("0210", 7, "51", 1250))
    capture.down(NINE + 7, answer("0210", 1, "00", 1250))
    # A settlement that did not balance is asked for once more after its upload: people pressed the key once.
    capture.up(NINE + 60, request("0500", 2, None, SETTLE))
    capture.down(NINE + 61, answer("0510", 2, "95"))
    capture.up(NINE + 62, request("0500", 3, None, SETTLE))
    capture.down(NINE + 63, answer("0510", 3))
    capture.up(NINE + 900, request("0500", 4, None, SETTLE))
    capture.down(NINE + 901, answer("0510", 4))
    found = records(tmp_path, capture.bytes())
    assert in_short(found) == [
        ("sale", 1250, "approved"), ("settle", None, "failed"), ("other", None, "approved"), ("settle", None, "approved"),
    ]  # fmt: skip
    assert not script_of(found).faults


def test_a_log_that_ends_soon_after_a_request_proves_nothing_of_it(tmp_path: Path) -> None:
    capture = Capture()
    capture.opens(NINE)
    capture.up(NINE, request("0200", 1, 1250, SALE))
    found = records(tmp_path, capture.bytes())
    assert in_short(found) == [("sale", 1250, "unknown")]
    assert not script_of(found).faults
    # Somebody else's messages go on for as long as any terminal waits: then there was none.
    capture.opens(NINE + 89, port=40002)
    capture.up(NINE + 89, request("0200", 1, 200, {**SALE, 41: "30000002"}), port=40002)
    assert in_short(records(tmp_path, capture.bytes()))[0] == ("sale", 1250, "unknown")
    capture.down(NINE + 90, answer("0210", 1, "00", 200, "30000002"), port=40002)
    assert in_short(records(tmp_path, capture.bytes())) == [("sale", 1250, "no_reply"), ("sale", 200, "approved")]


def test_a_reset_takes_only_what_was_asked_on_its_connection(tmp_path: Path) -> None:
    capture = Capture()
    capture.opens(NINE, port=40001)
    capture.opens(NINE, port=40002)
    capture.up(NINE, request("0200", 1, 100, SALE), port=40001)
    capture.up(NINE, request("0200", 2, 200, {**SALE, 41: "30000002"}), port=40002)
    capture.resets(NINE + 1, port=40001)
    capture.down(NINE + 2, answer("0210", 2, "00", 200, "30000002"), port=40002)
    assert in_short(records(tmp_path, capture.bytes())) == [("sale", 100, "reset"), ("sale", 200, "approved")]


def test_an_answer_that_the_capture_missed_is_not_one_that_never_came(tmp_path: Path) -> None:
    capture = Capture()
    capture.opens(NINE)
    capture.up(NINE, request("0200", 1, 100, SALE))
    capture.down(NINE + 1, answer("0210", 1, "00", 100))
    capture.loses()
    capture.up(NINE + 60, request("0200", 2, 200, SALE))
    capture.down(NINE + 61, answer("0210", 2, "00", 200))
    capture.up(NINE + 120, request("0200", 3, 300, SALE))
    capture.up(NINE + 300, request("0500", 4, None, SETTLE))
    assert in_short(records(tmp_path, capture.bytes())) == [
        ("sale", 100, "unknown"), ("sale", 200, "approved"), ("sale", 300, "no_reply"), ("settle", None, "unknown"),
    ]  # fmt: skip


def test_other_traffic_is_passed_over(tmp_path: Path) -> None:
    capture = day()
    capture.opens(NINE + 500, port=50000)
    capture.up(NINE + 500, b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n" * 20, port=50000)
    assert len(records(tmp_path, capture.bytes())) == 6


@pytest.mark.parametrize(
    "data, line, message",
    [
        (b"", 0, "no pcap capture"),
        (b"\x0a\x0d\x0d\x0a" + bytes(40), 0, "cut off or damaged after packet 0"),
        (day().bytes()[:-5], 15, "cut off in packet 15"),
        (day().bytes()[:30], 1, "cut off in the header of packet 1"),
        (day().bytes()[:24], 0, "no message of the dialect unionpay"),
        (day().bytes()[:20] + (113 + 90).to_bytes(4, "little"), 0, "link type 203"),
        (day().bytes()[:32] + b"\xff\xff\xff\x7f" + bytes(20), 1, "claims"),
    ],
)
def test_what_is_wrong_with_a_capture_is_told(tmp_path: Path, data: bytes, line: int, message: str) -> None:
    with pytest.raises(LogError, match=message) as told:
        records(tmp_path, data)
    assert told.value.line == line and str(tmp_path) in str(told.value)


# ---------------------------------------------------------------- hexadecimal


def dumped(tmp_path: Path, *lines: str) -> list[Record]:
    path = tmp_path / "log.hex"
    path.write_text("\n".join(lines), encoding="utf-8")
    return of_dump(path, MessageReader(DialectChoice.named("unionpay")), ZONE)


def test_a_dump_with_and_without_lengths_and_spaces(tmp_path: Path) -> None:
    sale, approval = request("0200", 1, 1250, SALE), answer("0210", 1, "00", 1250)
    found = dumped(
        tmp_path,
        "# from the gateway",
        f"2026-03-02 09:00:00.250 > {sale.hex(' ')}",
        f"2026-03-02T01:00:01Z < {approval[2:].hex()}",
    )
    assert in_short(found) == [("sale", 1250, "approved")]
    assert (found[0].line, found[0].at_us % 86_400_000_000) == (2, NINE * 1_000_000 + 250_000)


SALE_HEX = request("0200", 1, 1250, SALE).hex()


@pytest.mark.parametrize(
    "lines, line, message",
    [
        (["nonsense"], 1, "expected a time, an arrow"),
        (["2026-03-02 09:00:00 > 0g"], 1, "no hexadecimal"),
        (["2026-03-02 09:00:00 > 123"], 1, "odd number"),
        (["2026-03-02 09:00:00 > "], 1, "no message after the arrow"),
        (["2026-02-31 09:00:00 > 00"], 1, "is no time"),
        (["", "2026-03-02 09:00:00 > 0102030405"], 2, "no message of the dialect"),
        ([f"2026-03-02 09:00:00 < {SALE_HEX}"], 1, "the other way"),
        ([f"2026-03-02 09:00:00 > {SALE_HEX}", f"2026-03-02 08:00:00 > {SALE_HEX}"], 2, "sort the lines"),
    ],
)
def test_what_is_wrong_with_a_dump_is_told_with_its_line(
    tmp_path: Path, lines: list[str], line: int, message: str
) -> None:
    with pytest.raises(LogError, match=message) as told:
        dumped(tmp_path, *lines)
    assert told.value.line == line


def copy_ticks(capture: Capture, ticks: int) -> int:
    """The time of its first packet, as a pcapng file has it."""
    seconds, micros = struct.unpack(capture.order + "II", capture.packets[0][:8])
    return int(seconds * ticks + micros * ticks // 1_000_000)


@pytest.mark.parametrize(("order", "ticks"), [("<", 1_000_000), (">", 1_000_000_000)])
def test_a_capture_of_the_next_generation_and_of_ipv6_says_the_same(tmp_path: Path, order: str, ticks: int) -> None:
    classic = records(tmp_path, day().bytes())
    copy = day(Capture(order=order, v6=True))
    assert in_short(records(tmp_path, copy.bytes())) == in_short(classic)
    found = records(tmp_path, copy.next_generation(ticks))
    assert [(each.at_us, each.what, each.result) for each in found] == [
        (each.at_us, each.what, each.result) for each in classic
    ]
    data = copy.next_generation(ticks)
    late = data.replace(struct.pack(order + "II", *divmod(copy_ticks(copy, ticks), 1 << 32)), b"\xff" * 8)
    if ticks == 1_000_000:  # in finer parts the largest number is in the year 2554
        with pytest.raises(LogError, match="a time that no calendar has"):
            records(tmp_path, late)
    for torn, why in ((data[:-3], "cut off or damaged after packet"), (data[:40] + b"\xff" * 60, "cut off or damaged")):
        with pytest.raises(LogError, match=why):
            records(tmp_path, torn)


@pytest.mark.parametrize("v6", [False, True])
def test_a_fragment_of_a_packet_is_nothing_that_was_said(tmp_path: Path, v6: bool) -> None:
    capture = Capture(v6=v6)
    capture.opens(NINE)
    capture.up(NINE, request("0200", 1, 1250, SALE))
    capture.fragments = True
    capture.down(NINE + 1, answer("0210", 1, "00", 1250))
    capture.fragments = False
    capture.up(NINE + 300, request("0200", 2, 990, SALE))
    # The terminal has got something that the capture does not show: that proves nothing.
    assert in_short(records(tmp_path, capture.bytes()))[0] == ("sale", 1250, "unknown")


ORDER = "ORDER-00000000000000000000000001"


def order(mti: str, stan: int, code: str, amount_fen: int | None = None, response: str = "") -> bytes:
    """A message of an order by payment code."""
    fields = {3: code, 59: ORDER + ("28763443825664394" if (mti, code) == ("0600", "000000") else "")}
    if mti == "0600":
        return request(mti, stan, None, {**fields, **({4: f"{amount_fen:012d}"} if amount_fen else {})})
    given = {11: f"{stan:06d}", 39: response, 41: "30000001", 42: "898000000000001", 60: "22000001", **fields}
    return unionpay.pack(Message(mti, given))


@pytest.mark.parametrize(
    ("answers", "result"),
    [
        ((("0610", "000000", "00"),), "approved"),
        ((("0610", "000000", "09"), ("0610", "310000", "09"), ("0610", "310000", "00")), "approved"),
        ((("0610", "000000", "09"), ("0610", "310000", "12")), "declined"),
        ((("0610", "000000", "51"),), "declined"),
        ((("0610", "000000", "09"),), "unknown"),
        ((), "no_reply"),
    ],
)
def test_an_order_by_code_is_a_sale_and_a_query_says_how_it_ended(
    tmp_path: Path, answers: tuple[tuple[str, str, str], ...], result: str
) -> None:
    capture = Capture()
    capture.opens(NINE)
    capture.up(NINE, order("0600", 1, "000000", 880))
    for place, (mti, code, response) in enumerate(answers):
        if place:
            capture.up(NINE + 5 * place, order("0600", 1 + place, "310000"))
        capture.down(NINE + 5 * place + 1, order(mti, 1 + place, code, response=response))
    capture.up(NINE + 300, request("0200", 50, 990, SALE))
    found = records(tmp_path, capture.bytes())
    assert in_short(found)[0] == ("sale", 880, result) and found[0].by_code
    assert [each.what for each in found[1:-1]] == ["other"] * max(0, len(answers) - 1)
    text = scenario_of(tmp_path / "log.pcap", found)
    assert "pays_by: code" in text and ("action: scan_sale" in text) == (not answers or answers[0][2] == "51")


def test_an_advice_is_a_sale_of_its_own_time_told_once(tmp_path: Path) -> None:
    capture = Capture()
    capture.opens(NINE)
    offline = {**SALE, 12: "083000", 13: "0302"}
    capture.up(NINE, request("0200", 5, 990, SALE))
    capture.down(NINE + 1, answer("0210", 5, "00", 990))
    capture.up(NINE + 60, request("0220", 4, 1250, offline))
    capture.up(NINE + 120, request("0500", 6, None, SETTLE))
    capture.down(NINE + 121, answer("0510", 6))
    capture.up(NINE + 180, request("0220", 4, 1250, offline))
    capture.down(NINE + 181, answer("0230", 4, "00", 1250))
    found = records(tmp_path, capture.bytes())
    assert in_short(found) == [
        ("sale", 1250, "approved"), ("sale", 990, "approved"), ("advice", 1250, "no_reply"), ("settle", None, "approved"),
        ("advice", 1250, "approved"),
    ]  # fmt: skip
    assert (found[1].at_us - found[0].at_us) // 1_000_000 == 30 * 60
    text = scenario_of(tmp_path / "log.pcap", found)
    assert text.count("do: sale") == 2 and 'mti: "0220"' in text
