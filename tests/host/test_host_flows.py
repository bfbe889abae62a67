"""Each flow of the UnionPay dialect, each duplicate and each lost reply, as a terminal meets them."""

import pytest

from harness.core.errors import UsageError
from harness.history.recorder import Recorder
from harness.host.acquirer import Acquirer
from harness.host.bank import UNDETERMINED_CODES
from harness.iso8583 import Message, unionpay
from harness.iso8583.frame import Envelope
from harness.iso8583.keys import WorkingKeys
from tests.host.fresh_world import code, states, world
from tests.host.host_client import MASTER, MID, PAN, TID, Client, make_host

__all__ = ["world"]


# ---------------------------------------------------------------- sign-on


@pytest.mark.parametrize(("function", "size"), [("001", 24), ("003", 40), ("004", 60)])
def test_sign_on_gives_keys_under_the_master_key_and_the_batch_number(function, size):
    client = Client(make_host()[0])
    reply = client.sign_on(function)
    assert code(reply) == "00" and len(reply.binary(62)) == size and client.batch == "000001"
    keys = WorkingKeys.parse(reply.binary(62))
    assert len(keys.mac_key.unwrap(MASTER)) == 8
    assert code(client.sale(100)) == "00"


def test_each_sign_on_gives_new_keys_and_the_old_ones_stop_working():
    acquirer, _, _ = make_host()
    first, second = Client(acquirer), Client(acquirer, stan=100)
    first.sign_on()
    second.sign_on()
    assert code(first.sale(100)) == "A0" and code(second.sale(100)) == "00"
    first.sign_on()
    assert code(first.sale(100)) == "00"


def test_the_same_seed_gives_the_same_keys_and_another_seed_others():
    def keys(seed):
        return Client(make_host(seed)[0]).sign_on().binary(62)

    assert keys(b"a") == keys(b"a") != keys(b"b")


def test_without_sign_on_or_after_sign_off_a_terminal_is_sent_to_sign_on():
    acquirer, _, _ = make_host()
    client = Client(acquirer, mac=lambda _data: bytes(8))
    assert code(client.sale(100)) == "77"
    client.sign_on()
    off = client.message("0820", {60: f"00{client.batch}002"})
    assert code(client.exchange(off)) == "00"
    assert code(client.sale(100)) == "77"
    assert acquirer.ledger_entries == 0


def test_echo_test_and_unknown_management_codes(world):
    client = world[0]
    assert code(client.exchange(client.message("0820", {60: f"00{client.batch}301"}))) == "00"
    assert code(client.exchange(client.message("0820", {60: f"00{client.batch}777"}))) == "12"
    assert code(client.sign_on("999")) == "12"


# ---------------------------------------------------------------- sale


def test_a_sale_is_booked_with_the_token_of_track_2_and_answered_with_a_good_mac(world):
    client, acquirer, changes, _ = world
    reply = client.sale(1500, token="31415926535")
    assert (reply.mti, code(reply), reply.text(4), reply.text(11)) == ("0210", "00", "000000001500", "000002")
    assert (
        len(reply.text(37)) == 12
        and len(reply.text(38)) == 6
        and (reply.text(12), reply.text(13)) == ("100002", "0101")
    )
    assert unionpay.Received(Envelope(unionpay.encode(reply)), reply).mac_is_good(client.mac)
    (entry,) = acquirer.entries(TID)
    assert (entry.token, entry.amount_fen, entry.state, entry.rrn) == ("31415926535", 1500, "APPROVED", reply.text(37))
    (change,) = changes
    assert (change.device, change.token, change.state, change.previous_state) == ("T01", "31415926535", "APPROVED", "")
    assert acquirer.net_fen("31415926535") == 1500 and acquirer.open_entries(TID) == [entry]


def test_settlement_date_turns_at_the_cut_off():
    acquirer, _, _ = make_host()
    client = Client(acquirer, now_us=(22 * 3600 + 59 * 60 + 50) * 1_000_000)
    client.sign_on()
    assert client.sale(100).text(15) == "0101"
    client.now_us += 60_000_000
    assert client.sale(100).text(15) == "0102"


def test_a_declined_sale_is_booked_as_declined_and_takes_nothing():
    acquirer, changes, _ = make_host(decide=lambda token, amount_fen, pan: "51" if amount_fen > 1000 else "00")
    client = Client(acquirer)
    client.sign_on()
    reply = client.sale(1001)
    assert code(reply) == "51" and 38 not in reply
    assert changes[0].state == "DECLINED" and changes[0].response_code == "51"
    assert acquirer.net_fen("00000000001") == 0 and acquirer.open_entries(TID) == []


def test_the_same_sale_sent_again_is_a_duplicate_and_never_a_second_capture(world):
    client, acquirer, changes, _ = world
    client.sale(1500, stan="000042", lose_reply=True)
    assert code(client.sale(1500, stan="000042")) == "94"
    assert code(client.sale(9900, stan="000042", token="00000000002")) == "94"
    assert acquirer.net_fen("00000000001") == 1500 and len(changes) == 1


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"f4": "0" * 12}, "13"),
        ({"f3": "310000"}, "12"),
        ({"f2": "6222020000000016"}, "14"),
        ({"f35": "6222"}, "30"),
        ({"f60": "2200000"}, "30"),
        ({"f60": "22000009000"}, "77"),
        ({"f42": "898100000000009"}, "03"),
        ({"f52": bytes(8)}, "99"),
    ],
)
def test_sales_that_are_not_in_order_are_refused_without_an_entry(world, more, expected):
    client, acquirer, _, _ = world
    request = client.sale_message(100, **more)
    if "f42" in more:
        request[42] = more["f42"]
    assert code(client.exchange(request)) == expected
    assert acquirer.ledger_entries == 0


def test_a_good_pin_block_is_accepted(world):
    client = world[0]
    assert code(client.sale(100, f52=client.pin.encrypt("123456", PAN), f26="12")) == "00"


@pytest.mark.parametrize("missing", [3, 4, 11, 42, 60, 64])
def test_a_missing_field_is_a_format_error(world, missing):
    client = world[0]
    request = client.sale_message(100)
    del request[missing]
    client.mac, mac = None, client.mac
    if missing != 64:
        client.mac = mac
    assert code(client.exchange(request)) == "30"


def test_a_wrong_mac_is_answered_a0_and_books_nothing(world):
    client, acquirer, _, _ = world
    client.mac = lambda _data: b"00000000"
    assert code(client.sale(100)) == "A0" and acquirer.ledger_entries == 0


def test_an_unknown_terminal_is_answered_97(world):
    client, acquirer, _, _ = world
    stranger = Client(acquirer, tid="99999999", mac=client.mac)
    assert code(stranger.sale(100)) == "97" and code(stranger.sign_on()) == "97"


def test_an_offline_sale_is_booked_whatever_the_issuer_would_say_and_its_repeat_is_94():
    acquirer, _, _ = make_host(decide=lambda *_: "51")
    client = Client(acquirer)
    client.sign_on()
    assert code(client.sale(700, stan="000050", mti="0220", f60="36000001000", lose_reply=False)) == "00"
    assert code(client.sale(700, stan="000050", mti="0220", f60="36000001000")) == "94"
    assert acquirer.net_fen("00000000001") == 700


# ---------------------------------------------------------------- reversal


def test_a_reversal_undoes_a_sale_and_its_repeat_is_answered_alike(world):
    client, acquirer, changes, _ = world
    client.sale(1500, stan="000042", lose_reply=True)
    client.reverse("000042", 1500, lose_reply=True)
    assert code(client.reverse("000042", 1500)) == "00"
    assert states(acquirer) == [("sale", "000042", "REVERSED")]
    assert [change.state for change in changes] == ["APPROVED", "REVERSED"] and changes[1].reason == "reversal 98"
    assert acquirer.net_fen("00000000001") == 0


def test_a_reversal_that_comes_first_is_remembered_and_the_late_sale_declined(world):
    client, acquirer, _, _ = world
    assert code(client.reverse("000042", 1500)) == "25"
    assert code(client.sale(1500, stan="000042")) == "12"
    assert states(acquirer) == [("sale", "000042", "DECLINED")]
    assert code(client.reverse("000042", 1500)) == "25"
    assert acquirer.net_fen("00000000001") == 0


def test_a_host_that_forgets_early_reversals_approves_the_late_sale(world):
    client, acquirer, _, _ = world
    acquirer.knobs(TID).forget_early_reversals = True
    assert code(client.reverse("000042", 1500)) == "25"
    assert code(client.sale(1500, stan="000042")) == "00"
    assert acquirer.knobs(TID).struck["forget_early_reversals"] == 1


def test_a_reversal_with_a_stan_of_its_own_names_the_original_in_field_61(world):
    client, acquirer, _, _ = world
    client.sale(1500, stan="000042")
    assert code(client.reverse("000043", 1500, f61="000001000042")) == "00"
    assert states(acquirer) == [("sale", "000042", "REVERSED")]


def test_reversals_that_do_not_fit_change_nothing(world):
    client, acquirer, _, _ = world
    client.sale(1500, stan="000042")
    assert code(client.reverse("000042", 1499)) == "64"
    assert code(client.reverse("000042", 1500, batch="000009")) == "77"
    client.settle(1, 1500)
    assert code(client.reverse("000042", 1500)) == "12"
    assert states(acquirer) == [("sale", "000042", "SETTLED")]


def test_a_reversed_void_makes_the_sale_stand_again(world):
    client, acquirer, _, _ = world
    client.sale(1500, stan="000042")
    client.void("000042", 1500, stan="000043", lose_reply=True)
    assert states(acquirer) == [("sale", "000042", "VOIDED"), ("void", "000043", "APPROVED")]
    assert code(client.reverse("000043", 1500, code="200000", f61="000001000042")) == "00"
    assert states(acquirer) == [("sale", "000042", "APPROVED"), ("void", "000043", "REVERSED")]
    assert code(client.void("000042", 1500, stan="000044")) == "00"


def test_an_early_reversal_of_a_void_never_touches_the_sale(world):
    client, acquirer, _, _ = world
    client.sale(1500, stan="000042")
    assert code(client.reverse("000043", 1500, code="200000", f61="000001000042")) == "25"
    assert code(client.void("000042", 1500, stan="000043")) == "12"
    assert states(acquirer) == [("sale", "000042", "APPROVED"), ("void", "000043", "DECLINED")]


# ---------------------------------------------------------------- void and refund


def test_a_void_takes_back_a_whole_sale_once(world):
    client, acquirer, changes, _ = world
    rrn = client.sale(1500, stan="000042").text(37)
    assert code(client.void("000042", 1400, rrn)) == "64"
    assert code(client.void("000042", 1500, "999999999999")) == "25"
    assert code(client.void("000041", 1500)) == "25"
    assert code(client.void("000042", 1500, rrn)) == "00"
    assert code(client.void("000042", 1500, rrn)) == "12"
    assert acquirer.net_fen("00000000001") == 0
    assert [change.original_entry for change in changes if change.kind == "void"] == [0, 0, None, 0, 0]


def test_a_settled_sale_is_refunded_and_not_voided(world):
    client, acquirer, _, _ = world
    rrn = client.sale(1500, stan="000042").text(37)
    client.settle(1, 1500)
    client.batch = "000002"
    assert code(client.void("000042", 1500, rrn, batch="000001")) == "12"
    assert code(client.refund("000001", "000042", 1000, rrn)) == "00"
    assert code(client.refund("000001", "000042", 501, rrn)) == "64"
    assert code(client.refund("000001", "000042", 500, rrn, pan="6222020000000016")) == "14"
    assert code(client.refund("000001", "000041", 500, rrn)) == "25"
    assert acquirer.bank.ledger.net_fen_of_terminal(TID) == 500
    assert code(client.refund("000001", "000042", 500)) == "00"
    assert next(iter(acquirer.entries())).state == "REFUNDED"
    assert acquirer.bank.ledger.net_fen_of_terminal(TID) == 0


def test_a_refund_sent_again_is_one_refund(world):
    client, acquirer, _, _ = world
    rrn = client.sale(1500, stan="000042").text(37)
    client.refund("000001", "000042", 700, rrn, stan="000050", lose_reply=True)
    again = client.refund("000001", "000042", 700, rrn, stan="000050")
    assert code(again) == "00" and again.text(37) != rrn
    assert code(client.refund("000001", "000042", 701, rrn, stan="000050")) == "94"
    assert acquirer.bank.ledger.net_fen_of_terminal(TID) == 800


@pytest.mark.parametrize("undecided", sorted(UNDETERMINED_CODES))
def test_a_refund_that_was_left_undecided_is_judged_when_it_comes_again(world, undecided):
    client, acquirer, _, _ = world
    rrn = client.sale(1500, stan="000042").text(37)
    acquirer.knobs(TID).respond_code, acquirer.knobs(TID).respond_count = undecided, 2
    for answer in (undecided, undecided, "00", "00"):
        assert code(client.refund("000001", "000042", 700, rrn, stan="000050")) == answer
    assert acquirer.bank.ledger.net_fen_of_terminal(TID) == 800, "given back once"


def test_a_refund_that_was_declined_stays_declined(world):
    client, acquirer, _, _ = world
    rrn = client.sale(1500, stan="000042").text(37)
    acquirer.knobs(TID).respond_code, acquirer.knobs(TID).respond_count = "05", 1
    assert code(client.refund("000001", "000042", 700, rrn, stan="000050")) == "05"
    assert code(client.refund("000001", "000042", 700, rrn, stan="000050")) == "05"
    assert acquirer.bank.ledger.net_fen_of_terminal(TID) == 1500


def test_a_refund_has_no_reversal(world):
    client, acquirer, _, _ = world
    rrn = client.sale(1500, stan="000042").text(37)
    client.refund("000001", "000042", 700, rrn, stan="000050")
    assert code(client.reverse("000050", 700, code="200000")) == "12"
    assert code(client.reverse("000042", 1500)) == "12", "a sale with a refund cannot be reversed"
    assert acquirer.bank.ledger.net_fen_of_terminal(TID) == 800


# ---------------------------------------------------------------- the public surface


def test_headers_tell_what_histories_print_and_no_card_number(world):
    client, acquirer, _, _ = world
    client.sale(1500, stan="000042", token="31415926535")
    header = acquirer.describe(client.sent[-1])
    assert (header.mti, header.processing_code, header.stan, header.batch, header.tid) == (
        "0200", "000000", "000042", "000001", TID,
    )  # fmt: skip
    assert (header.amount_fen, header.token, header.function, header.error) == (1500, "31415926535", "000", "")
    assert header.size_bytes == len(client.sent[-1]) and PAN not in repr(header)
    client.reverse("000042", 1500)
    assert acquirer.describe(client.sent[-1]).original_stan == "000042"
    client.void("000042", 1500)
    assert acquirer.describe(client.sent[-1]).original_stan == "000042"
    broken = acquirer.describe(b"\0\x03abc")
    assert broken.error and broken.mti == ""


def test_a_reply_carries_both_headers(world):
    client, acquirer, _, _ = world
    reply = acquirer.handle(unionpay.pack(client.sale_message(100), client.mac), 1)
    assert reply.request.mti == "0200" and reply.header.mti == "0210" and reply.header.response_code == "00"
    silent = acquirer.handle(b"", 1)
    assert silent.frame is None and silent.header is None and silent.request.error


def test_a_full_queue_is_answered_96_and_books_nothing(world):
    client, acquirer, _, _ = world
    frame = unionpay.pack(client.sale_message(100), client.mac)
    assert acquirer.handle(frame, 1, overloaded=True).header.response_code == "96"
    assert acquirer.handle(b"", 1, overloaded=True).frame is None
    assert acquirer.ledger_entries == 0
    assert acquirer.handle(frame, 2).header.response_code == "00"


def test_messages_that_are_no_requests_are_not_answered(world):
    client, acquirer, _, _ = world
    for message in (Message("0210", {41: TID}), Message("0120", {41: TID}), Message("0000", {})):
        assert acquirer.handle(unionpay.pack(message), 1).frame is None
    assert client.exchange(Message("0200", {3: "000000"})).text(39) == "30"


def test_registering_twice_and_unknown_dialects_are_errors():
    acquirer, _, _ = make_host()
    with pytest.raises(ValueError, match="twice"):
        acquirer.register_terminal(TID, MID, "T02", MASTER)
    with pytest.raises(UsageError, match="unionpay"):
        Acquirer("unionpai", Recorder(), b"")
