"""The international dialect at the host: what a batch goes through until it is closed, under host and terminal capture."""

import pytest

from tests.host.host_client import PAN, TID
from tests.host.international_client import Client, make_host


@pytest.fixture
def host():
    acquirer, changes, settlements = make_host()
    client = Client(acquirer)
    assert client.logon().text(39) == "00"
    return acquirer, client, changes, settlements


def states(acquirer):
    return {entry.stan: entry.state for entry in acquirer.entries(TID)}


def test_sale_void_refund_and_reversal(host):
    acquirer, client, _, _ = host
    assert client.sale(1500).text(39) == "00"
    assert client.void("000002", 1500).text(39) == "00"
    rrn = client.sale(700).text(37)
    assert client.refund(rrn, 100).text(39) == "00"
    assert client.sale(900).text(39) == "00"
    assert client.reverse("000006", 900).text(39) == "00"
    assert client.reverse("000003", 1500, "020000").text(39) == "00", "a void is undone under its own number"
    assert states(acquirer) == {
        "000002": "APPROVED", "000003": "REVERSED", "000004": "APPROVED", "000005": "APPROVED", "000006": "REVERSED",
    }  # fmt: skip


def test_a_history_is_told_in_the_words_that_checks_know(host):
    acquirer, client, _, _ = host
    client.sale(1500)
    client.void("000002", 1500)
    client.reverse("000003", 1500, "020000")
    headers = [acquirer.describe(frame) for frame in client.sent[1:] + client.received[1:]]
    told = [(each.mti, each.processing_code, each.batch, each.stan, each.original_stan) for each in headers]
    assert told == [
        ("0200", "000000", "000001", "000002", ""),
        ("0200", "200000", "000001", "000003", "000002"),
        ("0400", "200000", "000001", "000003", "000003"),
        ("0210", "000000", "000001", "000002", ""),
        ("0210", "200000", "000001", "000003", ""),
        ("0410", "200000", "000001", "000003", "000003"),
    ]
    assert PAN not in repr(headers) and headers[0].token == "00000000001"


def test_a_mac_that_does_not_fit_is_answered_a0_and_nothing_is_booked(host):
    _acquirer, client, changes, _ = host
    client.mac = lambda _: bytes(8)
    assert client.sale(100).text(39) == "A0" and changes == []


def test_totals_that_agree_close_the_batch_at_once(host):
    acquirer, client, _, settlements = host
    client.sale(700)
    assert client.settle([700]) == "00" and acquirer.batch_number(TID) == "000002"
    assert client.settle([700]) == "00", "asked again after a lost answer"
    assert [(each.closed, each.balanced, each.repeated) for each in settlements] == [
        (True, True, False), (True, True, True),
    ]  # fmt: skip


def test_totals_that_differ_are_answered_95_until_the_upload_explains_them(host):
    acquirer, client, _, settlements = host
    client.sale(700)
    client.sale(50)
    assert client.settle([700]) == "95" and client.sale(1).text(39) == "95"
    assert client.settle([700], code="960000") == "95", "nothing was uploaded: still open"
    assert client.upload("000002", 700) == "00" and client.upload("000002", 700) == "94"
    assert client.settle([700], code="960000") == "00"
    assert client.settle([700], code="960000") == "00", "asked again after a lost answer"
    assert states(acquirer) == {"000002": "SETTLED", "000003": "APPROVED"}
    closing = settlements[-1]
    assert closing.closed and not closing.balanced and closing.host_only == (1,) and closing.settled == (0,)


def test_an_upload_that_nobody_asked_for_and_a_settlement_of_another_batch(host):
    _, client, _, _ = host
    client.sale(700)
    assert client.upload("000002", 700) == "12" and client.settle([700], batch="000009") == "77"
    assert client.settle([700], code="930000") == "12"


def test_a_host_that_counts_wrong_twice_answers_95_twice_and_settles_nothing(host):
    acquirer, client, _, settlements = host
    client.sale(700)
    acquirer.knobs(TID).totals_off_by_one = 2
    assert client.settle([700]) == "95" and client.upload("000002", 700) == "00"
    assert client.settle([700], code="960000") == "95" and not any(each.closed for each in settlements)
    assert client.settle([700]) == "00" and states(acquirer) == {"000002": "SETTLED"}


# ---------------------------------------------------------------- terminal capture


@pytest.fixture
def capturing():
    acquirer, changes, settlements = make_host(capture="terminal")
    client = Client(acquirer)
    client.logon()
    return acquirer, client, changes, settlements


def test_with_terminal_capture_what_is_uploaded_is_the_money(capturing):
    acquirer, client, _, settlements = capturing
    client.sale(700)
    rrn = client.sale(50).text(37)
    client.refund(rrn, 20)
    assert client.settle([700, 50], [20]) == "95", "the host has nothing of its own to agree with"
    for stan, amount_fen, kind in (("000002", 700, "sale"), ("000003", 50, "sale"), ("000004", 20, "refund")):
        assert client.upload(stan, amount_fen, kind) == "00"
    assert client.settle([700, 50], [20], "960000") == "00"
    assert set(states(acquirer).values()) == {"SETTLED"} and settlements[-1].balanced


def test_an_authorisation_that_is_not_uploaded_lapses_and_an_upload_without_one_is_captured(capturing):
    acquirer, client, _, settlements = capturing
    client.sale(700, "00000000001")
    client.sale(50, "00000000002")
    client.reverse("000003", 50)
    client.settle([50])
    client.upload("000003", 50)
    assert client.settle([50], code="960000") == "00"
    assert [(each.stan, each.state) for each in acquirer.entries(TID)] == [
        ("000002", "EXPIRED"), ("000003", "REVERSED"), ("000003", "SETTLED"),
    ]  # fmt: skip
    assert (acquirer.net_fen("00000000001"), acquirer.net_fen("00000000002")) == (0, 50), (
        "reversed, and taken all the same"
    )
    assert settlements[-1].terminal_only == ("000003",) and not settlements[-1].balanced


def test_an_empty_batch_closes_at_once(capturing):
    _, client, _, settlements = capturing
    assert client.settle() == "00" and settlements[-1].balanced
