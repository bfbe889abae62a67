"""Lines in, lines out: each call against a real device, requests of several threads, and every way to break the protocol."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.contract import Action, ActionRequested, CableChanged, CardData, CardPresented, KeyPressed, PaperChanged
from harness.device.session import ContractViolation
from harness.history.events import ProbeReached, ReceiptPrinted, ScreenShown
from harness.iso8583.des import BlockCipher
from harness.iso8583.keys import check_value
from harness.sut.wire.requests import CALLS, LINE_BYTES_MAX
from tests.device.conftest import MASTER_KEY
from tests.sut.wire.wire_bench import WireBench

CARD = CardData("6250941006528599", "3012", "6250941006528599=301220112345678901", emv_data=b"\x9f", chip=False)


def test_the_boot_is_told_first():
    bench = WireBench()
    bench.wire.start()
    (first,) = bench.answers()
    assert first == {
        "boot": {
            "protocol": 1, "tid": "10000001", "mid": "123456789012345", "host": "acquirer.example", "port": 5500,
            "volumes": {"data": "/data"},
        }
    }  # fmt: skip


def test_an_action_from_request_to_outcome():
    bench = WireBench()
    bench.ask(1, "next_event", timeout_s=60)
    bench.run_for(1)
    assert bench.ready_count == 1 and bench.answers() == []
    bench.hardware.facade.post(ActionRequested(Action(3, "void", 0, original_stan="000007")))
    bench.run_for(1)
    assert bench.answers() == [
        {
            "id": 1,
            "ok": {
                "event": "action",
                "action": {"number": 3, "kind": "void", "amount_fen": 0, "original_stan": "000007"},
            },
        }
    ]
    assert bench.answer(2, "show", screen="approved", text="成功", amount_fen=1250, stan="000008")["ok"] == {
        "screen": "approved"
    }
    assert bench.answer(3, "finish", action=3, outcome="approved", stan="000008", batch="000001")["ok"] == {}
    ((action, outcome),) = bench.finished
    assert (action.original_stan, outcome.kind, outcome.stan, outcome.batch) == (
        "000007",
        "approved",
        "000008",
        "000001",
    )
    (screen,) = bench.events(ScreenShown)
    assert (screen.kind, screen.text, screen.amount_fen, screen.action) == ("approved", "成功", 1250, 3)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (KeyPressed("cancel"), {"event": "key", "key": "cancel"}),
        (CardPresented(), {"event": "card_presented"}),
        (PaperChanged(False), {"event": "paper", "loaded": False}),
        (CableChanged(True), {"event": "cable", "connected": True}),
        (None, {"event": "timeout"}),
    ],
)
def test_every_event_is_told(event, told):
    bench = WireBench()
    if event is not None:
        bench.hardware.facade.post(event)
    assert bench.answer(1, "next_event", timeout_s=5)["ok"] == told


def test_the_peripherals_answer():
    bench = WireBench()
    key = bytes(range(8))
    sealed = BlockCipher(MASTER_KEY).encrypt(key)
    assert bench.answer(1, "has_key", slot="mac")["ok"] == {"loaded": False}
    loaded = bench.answer(2, "load_key", slot="mac", key=sealed.hex(), check=check_value(key)[:4].hex())
    assert loaded["ok"] == {}
    assert bench.answer(3, "has_key", slot="mac")["ok"] == {"loaded": True}
    assert len(bench.answer(4, "mac", data="00" * 20)["ok"]["data"]) == 16
    secret = bench.answer(5, "encrypt", data="aabb")["ok"]["data"]
    assert bench.answer(6, "decrypt", data=secret)["ok"] == {"data": "aabb"}
    assert bench.answer(7, "nvram_write", offset=3, data="0102")["ok"] == {}
    assert bench.answer(8, "nvram_read", offset=2, size=4)["ok"] == {"data": "00010200"}
    assert bench.answer(9, "has_paper")["ok"] == {"paper": True}
    assert bench.answer(10, "print", receipt="sale", amount_fen=5, totals={"debit_count": 1})["ok"] == {}
    assert bench.answer(11, "print_bytes", data="6869")["ok"] == {}
    assert bench.answer(12, "show_bytes", data="6869")["ok"] == {"screen": "text"}
    bench.hardware.present_card(CARD)
    card = bench.answer(13, "read_card", timeout_s=5)["ok"]
    assert (card["pan"], card["track2"], card["emv_data"], card["chip"]) == (CARD.pan, CARD.track2, "9f", False)
    assert bench.answer(14, "probe", name="here")["ok"] == {}
    assert bench.answer(15, "log", text="hello")["ok"] == {}
    assert bench.logged == ["hello"]
    assert [each.debit_count for each in bench.events(ReceiptPrinted)] == [1, None]
    assert [each.name for each in bench.events(ProbeReached)] == ["here"]


@pytest.mark.parametrize(
    ("call", "words", "kind"),
    [
        ("read_card", {"timeout_s": 1}, "card_timeout"),
        ("first_cryptogram", {"amount_fen": 5}, "card_unreadable"),
        ("second_cryptogram", {"response_code": "00"}, "card_unreadable"),
        ("print", {"receipt": "sale"}, "out_of_paper"),
        ("print_bytes", {"data": "00"}, "out_of_paper"),
        ("mac", {"data": "00"}, "pin_pad"),
        ("pin_block", {"pan": "6250941006528599"}, "pin_pad"),
        ("decrypt", {"data": "00"}, "pin_pad"),
        ("load_key", {"slot": "mac", "key": "00" * 16, "check": "000000"}, "pin_pad"),
    ],
)
def test_what_a_peripheral_cannot_do_is_an_error_with_its_kind(call, words, kind):
    bench = WireBench()
    bench.hardware.printer.remove_paper()
    assert bench.answer(1, call, **words)["error"]["kind"] == kind
    assert bench.answer(2, "has_paper")["ok"] == {"paper": False}, "the program goes on"


def test_a_reboot_has_no_answer():
    bench = WireBench()
    bench.ask(1, "reboot")
    bench.run_for(1)
    assert (bench.reboots, bench.answers(), bench.breaches) == (1, [], [])


def test_requests_of_several_threads_are_told_apart():
    bench = WireBench()
    bench.ask(1, "next_event")
    bench.ask(2, "print", receipt="sale")
    bench.ask(3, "has_paper")
    bench.run_for(5)
    assert [each["id"] for each in bench.answers()] == [3, 2]
    bench.hardware.facade.post(KeyPressed("menu"))
    bench.run_for(1)
    assert [each["id"] for each in bench.answers()] == [1]
    assert bench.wire.under_way == 0


def test_power_ends_what_is_under_way_without_a_word():
    bench = WireBench()
    bench.ask(1, "next_event", timeout_s=5)
    bench.run_for(1)
    bench.power_cut()
    bench.run_for(10)
    assert (bench.answers(), bench.breaches) == ([], [])


# ------------------------------------------------------------ breaches

OK = b'{"id":1,"call":"has_paper"}\n'


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"hello\n", "no JSON object; print to stderr, or declare `text:`"),
        (b'{"id":1,"call":\n', "broken JSON"),
        (b"[1]\n", "expected a JSON object"),
        (b'{"id":1}\n', "expected a JSON object with `call` and `id`"),
        (b'{"call":"has_paper"}\n', "has_paper: object missing required field `id`"),
        (b'{"id":1,"call":"show_me"}\n', "no call is named 'show_me'; did you mean 'show'?"),
        (b'{"id":1,"call":"show","screen":"aproved"}\n', "show.screen: 'aproved'; did you mean 'approved'?"),
        (b'{"id":1,"call":"show","screen":"text","amount":1}\n', "unknown key 'amount'; did you mean 'amount_fen'?"),
        (b'{"id":1,"call":"show","screen":"text","amount_fen":"1"}\n', "show: expected `int | null`, got `str`"),
        (b'{"id":-1,"call":"has_paper"}\n', "`$.id`"),
        (b'{"id":true,"call":"has_paper"}\n', "expected `int`, got `bool`"),
        (b'{"id":1,"call":"mac","data":"0"}\n', "mac: expected `str` matching"),
        (b'{"id":1,"call":"next_event","timeout_s":NaN}\n', "broken JSON"),
        (b'{"id":1,"call":"next_event","timeout_s":1e999}\n', "out of range"),
        (b'{"id":1,"call":"log","text":"\x00"}\n', "broken JSON"),
        (b'{"id":1,"call":"log","text":"\xff"}\n', "broken JSON"),
        (b"\x00\n", "no JSON object"),
        (b'{"id":1,"call":"log","text":' + b"[" * 100_000 + b"\n", "nested too deep"),
        (b"x" * (LINE_BYTES_MAX + 1), "a line has at most 1 MiB"),
        (OK + OK, "a request with id 1 is under way"),
        (b'{"id":1,"call":"next_event"}\n{"id":2,"call":"next_event"}\n', "next_event is under way in another request"),
        (b'{"id":1,"call":"read_card"}\n{"id":2,"call":"read_card"}\n', "read_card is under way in another request"),
        (b"".join(b'{"id":%d,"call":"has_paper"}\n' % at for at in range(65)), "64 requests are under way"),
        (b'{"id":1,"call":"log","text":""}\n' * 10_001, "10000 lines of log in a row"),
    ],
)
def test_a_line_that_is_no_request_breaks_the_contract(line, told):
    bench = WireBench()
    with pytest.raises(ContractViolation) as breach:
        bench.wire.feed(line)
    assert told in str(breach.value)
    assert len(str(breach.value)) < 400
    bench.wire.feed(OK)
    bench.run_for(20)
    assert not [each for each in bench.answers() if "error" in each] and bench.wire.over


@pytest.mark.parametrize(
    ("call", "words", "told"),
    [
        ("finish", {"action": 9, "outcome": "done"}, "action 9 was never handed over"),
        ("nvram_read", {"offset": 250, "size": 10}, "not within 0 to 256"),
        ("first_cryptogram", {"amount_fen": -1}, "the amount is a number of fen"),
        ("print", {"receipt": "sale", "amount_fen": 1 << 60}, "below 2**53"),
    ],
)
def test_a_breach_that_the_device_finds_is_told(call, words, told):
    bench = WireBench()
    bench.ask(1, call, **words)
    bench.run_for(5)
    assert bench.answers() == [] and bench.wire.over
    assert len(bench.breaches) == 1 and told in bench.breaches[0]


def test_an_action_is_ended_once():
    bench = WireBench()
    bench.request(3)
    bench.answer(1, "next_event")
    bench.answer(2, "finish", action=3, outcome="done")
    bench.ask(3, "finish", action=3, outcome="done")
    bench.run_for(1)
    assert bench.breaches == ["action 3 had ended already"]


def test_a_card_number_in_a_broken_line_is_masked():
    bench = WireBench()
    with pytest.raises(ContractViolation) as breach:
        bench.wire.feed(b'{"id":1,"call":"nope","pan":"6250941006528599"}\n')
    assert "6250941006528599" not in str(breach.value) and "625094******8599" in str(breach.value)


def test_a_line_cut_short_by_the_end_of_stdout_is_a_breach():
    bench = WireBench()
    bench.wire.feed(OK.strip())
    with pytest.raises(ContractViolation, match="ended within a line"):
        bench.wire.end()


# ------------------------------------------------------------ any bytes at all

_VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("00")
_KEYS = st.sampled_from(["id", "action", "outcome", "screen", "text", "data", "offset", "size", "slot", "timeout_s"])
_NEAR = st.builds(
    lambda call, words: json.dumps({"id": 1, "call": call, **words}).encode() + b"\n",
    st.sampled_from(list(CALLS)),
    st.dictionaries(_KEYS, _VALUES, max_size=4),
)
_LINES = st.lists(st.binary(max_size=60) | _NEAR | st.just(OK) | st.just(b"\n"), max_size=6).map(b"".join)


def _fed(pieces: list[bytes]) -> tuple[list[str], bytes]:
    bench = WireBench()
    told = []
    try:
        for piece in pieces:
            bench.wire.feed(piece)
    except ContractViolation as breach:
        told.append(str(breach))
    bench.run_for(100)
    return told + bench.breaches, bytes(bench.sent)


@settings(max_examples=150, deadline=None)
@given(_LINES, st.data())
def test_any_bytes_are_answers_or_a_breach_however_they_are_cut(content, data):
    whole = _fed([content])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=4)))
    pieces = [content[start:end] for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    assert _fed(pieces) == whole
