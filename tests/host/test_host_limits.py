"""Approval in part and a merchant's limits, as a terminal meets them."""

import pytest

from harness.core.units import US_PER_DAY
from harness.host.holds import Rules
from tests.host.host_client import PAN, TID, Client, make_host, verdict


def open_world(**options):
    acquirer, changes, settlements = make_host(**options)
    client = Client(acquirer)
    client.sign_on()
    return client, acquirer, changes, settlements


def code(reply):
    return reply.text(39)


def half(_token, amount_fen):
    return amount_fen // 2


def test_a_part_is_what_the_answer_and_the_ledger_say():
    client, acquirer, changes, settlements = open_world(part=half)
    reply = client.sale(1500, stan="000042")
    assert (code(reply), reply.text(4), len(reply.text(38))) == ("10", "000000000750", 6)
    assert (changes[-1].amount_fen, changes[-1].state, changes[-1].response_code) == (750, "APPROVED", "10")
    assert acquirer.bank.ledger.net_fen_of_terminal(TID) == 750
    assert code(client.sale(1500, stan="000042")) == "94"
    assert verdict(client.settle(1, 1500)) == "21"
    client.upload([("000042", PAN, 750)])
    client.end_upload(1)
    assert settlements[-1].host_totals == (1, 750, 0, 0) and settlements[-1].host_only == ()


@pytest.mark.parametrize(("amount", "answer"), [(1500, "00"), (750, "00"), (700, "64")])
def test_its_reversal_may_name_either_amount(amount, answer):
    client, acquirer, _, _ = open_world(part=half)
    client.sale(1500, stan="000042")
    assert code(client.reverse("000042", amount)) == answer
    assert acquirer.bank.ledger.net_fen_of_terminal(TID) == (0 if answer == "00" else 750)


def test_a_whole_sale_is_reversed_by_its_amount_alone():
    client = open_world()[0]
    client.sale(1500, stan="000042")
    assert code(client.reverse("000042", 0)) == "64"


@pytest.mark.parametrize("part", [lambda _t, fen: fen, lambda _t, fen: fen + 1, lambda _t, _fen: 0])
def test_what_is_no_part_is_the_whole(part):
    client = open_world(part=part)[0]
    assert code(client.sale(1500)) == "00"


def test_holds_completions_and_offline_sales_are_approved_whole():
    client, acquirer, _, _ = open_world(part=half)
    assert code(client.preauth(1000, stan="000042")) == "00"
    assert code(client.completion(client.batch, "000042", 1000)) == "00"
    assert code(client.sale(700, mti="0220", f60="36000001000")) == "00"
    assert acquirer.bank.ledger.net_fen_of_terminal(TID) == 1700


def test_a_part_can_be_voided_and_refunded_up_to_what_was_taken():
    client, acquirer, _, _ = open_world(part=half)
    rrn = client.sale(1500, stan="000042").text(37)
    assert code(client.void("000042", 1500, rrn)) == "64"
    assert code(client.refund(client.batch, "000042", 751, rrn)) == "64"
    assert code(client.refund(client.batch, "000042", 750, rrn)) == "00"
    rrn = client.sale(400, stan="000050").text(37)
    assert code(client.void("000050", 200, rrn)) == "00"
    assert acquirer.bank.ledger.net_fen_of_terminal(TID) == 0


def test_the_amount_limit_is_the_merchants_and_says_61():
    client, acquirer, _, _ = open_world(rules=Rules(amount_limit_fen=1000))
    assert [code(client.sale(fen)) for fen in (1000, 1001)] == ["00", "61"]
    assert [code(client.preauth(fen)) for fen in (1000, 1001)] == ["00", "61"]
    assert acquirer.bank.ledger.net_fen_of_terminal(TID) == 1000


def test_the_count_limit_is_a_days_and_counts_what_was_approved_and_stands():
    client, acquirer, _, _ = open_world(
        rules=Rules(count_limit=2), decide=lambda _t, fen, _p: "51" if fen == 9 else "00"
    )
    assert code(client.sale(9)) == "51"
    client.sale(100, stan="000042")
    assert code(client.preauth(100, stan="000043")) == "00"
    assert code(client.sale(100)) == "65"
    assert code(client.completion(client.batch, "000043", 100)) == "00", "what is held can be completed"
    assert code(client.reverse("000042", 100)) == "00"
    assert code(client.sale(100)) == "00"
    acquirer.register_terminal("10000002", "898100000000002", "T02", client.master)
    other = Client(acquirer, tid="10000002", mid="898100000000002", now_us=client.now_us)
    other.sign_on()
    assert code(other.sale(100)) == "00", "each merchant has its own"
    client.now_us += US_PER_DAY
    assert code(client.sale(100)) == "00"
