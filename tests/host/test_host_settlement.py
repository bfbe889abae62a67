"""Settlements and batch uploads of the UnionPay dialect, and what reaches across batches and merchants."""

from harness.iso8583 import unionpay
from tests.host.fresh_world import code, states, world
from tests.host.host_client import MASTER, MID, PAN, TID, Client, verdict

__all__ = ["world"]


# ---------------------------------------------------------------- settlement


def test_a_balanced_settlement_settles_and_advances_and_is_answered_alike_again(world):
    client, acquirer, _, settlements = world
    client.sale(1500, stan="000042")
    client.sale(2500, stan="000043")
    client.void("000043", 2500, stan="000044")
    client.refund("000001", "000042", 500, stan="000045")
    client.settle(1, 1500, 1, 500, lose_reply=True)
    again = client.settle(1, 1500, 1, 500)
    assert code(again) == "00" and verdict(again) == "11" and len(again.text(48)) == 62
    assert acquirer.batch_number(TID) == "000002"
    (settlement,) = acquirer.settlements(TID)
    assert (
        settlement.balanced and settlement.settled == (0, 3) and settlement.host_totals.as_tuple() == (1, 1500, 1, 500)
    )
    assert [(event.closed, event.balanced, event.repeated, event.settled) for event in settlements] == [
        (True, True, False, (0, 3)),
        (True, True, True, ()),
    ]
    assert code(client.end_upload(0, "207")) == "00"
    assert code(client.sale(100)) == "77", "the old batch takes no more sales"
    client.batch = "000002"
    assert code(client.sale(100, stan="000042")) == "00", "a STAN is unique within a batch"
    assert verdict(client.settle(9, 9, batch="000001")) == "21", "other totals for a closed batch are not balanced"


def test_sign_on_after_a_lost_settlement_reply_tells_the_next_batch(world):
    client, _, _, _ = world
    client.sale(1500)
    client.settle(1, 1500, lose_reply=True)
    assert client.sign_on().text(60)[2:8] == "000002"
    assert verdict(client.settle(1, 1500, batch="000001")) == "11"


def test_an_empty_batch_settles(world):
    client, acquirer, _, _ = world
    assert verdict(client.settle(0, 0)) == "11" and acquirer.batch_number(TID) == "000002"


def test_an_unbalanced_batch_is_uploaded_and_what_differs_is_listed(world):
    client, acquirer, _, settlements = world
    for number, amount in enumerate((100, 200, 300, 400), 1):
        client.sale(amount, stan=f"{number:06d}")
    client.reverse("000004", 400)
    assert verdict(client.settle(3, 700)) == "21"
    assert not settlements[0].closed and settlements[0].host_totals == (3, 600, 0, 0)
    assert code(client.sale(100)) == "95", "nothing new while the batch is uploaded"
    claims = [("000001", PAN, 100), ("000002", PAN, 999), ("000004", PAN, 400), ("000077", PAN, 5)]
    client.upload(claims[:2], lose_reply=True)
    assert code(client.upload(claims[:2])) == "94"
    assert code(client.upload(claims)) == "00"
    client.end_upload(4, lose_reply=True)
    assert code(client.end_upload(4)) == "00"
    (settlement,) = acquirer.settlements()
    assert not settlement.balanced and settlement.settled == (0,)
    assert settlement.host_only == (1, 2) and settlement.terminal_only == ("000002", "000004", "000077")
    assert [event.closed for event in settlements] == [False, True] and settlements[1].host_only == (1, 2)
    assert [entry.state for entry in acquirer.entries()] == ["SETTLED", "APPROVED", "APPROVED", "REVERSED"]
    assert acquirer.batch_number(TID) == "000002"
    assert code(client.upload(claims[:1])) == "94" and code(client.upload([("000088", PAN, 1)])) == "95"


def test_totals_put_right_before_the_upload_balance_after_all(world):
    client, acquirer, _, _ = world
    client.sale(100)
    assert verdict(client.settle(2, 100)) == "21" and verdict(client.settle(1, 100)) == "11"
    assert acquirer.settlements()[0].settled == (0,)


def test_single_uploads_carry_their_transaction_in_plain_fields(world):
    client, acquirer, _, _ = world
    client.sale(100, stan="000001")
    client.settle(0, 0)
    one = client.message("0320", {2: PAN, 4: f"{100:012d}", 11: "000001", 60: "00000001203"})
    assert code(client.exchange(one)) == "00" and code(client.exchange(one)) == "94"
    client.end_upload(1)
    assert acquirer.settlements()[0].settled == (0,)


def test_uploads_out_of_turn_are_refused(world):
    client, acquirer, _, _ = world
    client.sale(100, stan="000001")
    assert code(client.upload([("000001", PAN, 100)])) == "12"
    assert code(client.end_upload(1)) == "12" and code(client.end_upload(1, batch="000005")) == "77"
    assert code(client.settle(1, 100, batch="000005")) == "77"
    assert acquirer.settlements() == [] and len(acquirer.open_entries(TID)) == 1


def test_a_reversal_still_works_while_the_batch_is_uploaded(world):
    client = world[0]
    client.sale(100, stan="000001")
    client.settle(0, 0)
    assert code(client.reverse("000001", 100)) == "00"
    assert verdict(client.settle(0, 0)) == "11"


def test_foreign_totals_count_with_domestic_ones(world):
    client = world[0]
    client.sale(100)
    client.sale(200)
    foreign = unionpay.SettlementTotals(200, 1)
    assert verdict(client.settle(1, 101, foreign=foreign)) == "22"
    assert verdict(client.settle(1, 100, foreign=foreign)) == "11"


# ---------------------------------------------------------------- across batches and merchants


def test_a_sale_left_out_of_an_upload_can_be_reversed_but_not_voided(world):
    client, acquirer, _, _ = world
    rrn = client.sale(100, stan="000001").text(37)
    client.settle(0, 0)
    client.end_upload(0)
    client.batch = "000002"
    assert code(client.void("000001", 100, rrn, batch="000001")) == "12"
    assert code(client.reverse("000001", 100, batch="000001")) == "00"
    assert [state for _, _, state in states(acquirer)] == ["REVERSED", "DECLINED"]


def test_a_void_stands_once_its_batch_is_closed(world):
    client, acquirer, _, _ = world
    client.sale(100, stan="000001")
    client.void("000001", 100, stan="000002", lose_reply=True)
    client.settle(0, 0)
    assert code(client.reverse("000002", 100, code="200000", batch="000001")) == "12"
    assert states(acquirer) == [("sale", "000001", "VOIDED"), ("void", "000002", "APPROVED")]


def test_a_refund_is_the_merchants_own_from_any_of_its_terminals(world):
    client, acquirer, _, _ = world
    rrn = client.sale(100, stan="000001").text(37)
    acquirer.register_terminal("10000002", MID, "T02", MASTER)
    acquirer.register_terminal("20000001", "898100000000002", "T03", MASTER)
    stranger = Client(acquirer, tid="20000001", mid="898100000000002")
    sister = Client(acquirer, tid="10000002")
    for other in (stranger, sister):
        other.sign_on()
    assert code(stranger.refund("000001", "000001", 100, rrn)) == "25"
    assert code(sister.refund("000001", "000001", 100, rrn)) == "00"


def test_an_upload_under_another_card_number_does_not_agree(world):
    client, acquirer, _, _ = world
    client.sale(100, stan="000001")
    client.settle(0, 0)
    client.upload([("000001", "6222020000000016", 100)])
    client.end_upload(1)
    (settlement,) = acquirer.settlements()
    assert settlement.host_only == (0,) and settlement.terminal_only == ("000001",)


def test_a_sale_refunded_in_its_own_batch_is_settled_with_its_refund(world):
    client, acquirer, changes, _ = world
    rrn = client.sale(100, stan="000001").text(37)
    client.refund("000001", "000001", 100, rrn, stan="000002")
    assert verdict(client.settle(1, 100, 1, 100)) == "11"
    assert [change.state for change in changes if change.entry == 0] == ["APPROVED", "SETTLED", "REFUNDED"]
    assert states(acquirer)[1] == ("refund", "000002", "SETTLED")
    assert acquirer.bank.ledger.net_fen_of_terminal(TID) == 0
