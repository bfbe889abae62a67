"""What the host holds of a terminal goes out as plain data and comes back as the same, with no card number in it."""

from __future__ import annotations

import json

import msgspec
import pytest

from harness.history.events import RecordSeen
from harness.host.acquirer import Acquirer
from harness.host.handover import HeldBatch, HeldEntry, HeldTerminal, adopted, put, sign_on, take
from harness.host.ledger import same_card
from harness.iso8583.mac import UnionPayEcbMac

from .host_client import PAN, TID, Client, make_host, verdict


def traded() -> Client:
    """A terminal and its host after most of what there is: a batch settled, one that was uploaded, one open."""
    client = Client(make_host()[0])
    client.sign_on()
    client.sale(100)
    client.settle(1, 100)
    client.batch = "000002"
    client.sale(200, stan="000002")
    client.sale(300, stan="000003")
    client.settle(1, 999)
    client.upload([("000002", PAN, 200), ("000009", PAN, 9)])
    client.end_upload(2)
    client.batch = "000003"
    client.stan = 20
    client.sale(400, stan="000011")
    client.sale(500, stan="000012")
    client.void("000012", 500, stan="000013")
    client.sale(600, stan="000014")
    client.reverse("000014", 600)
    client.reverse("000015", 700)
    return client


def through_json(held: HeldTerminal) -> HeldTerminal:
    return msgspec.convert(json.loads(json.dumps(msgspec.to_builtins(held))), HeldTerminal)


def moved(client: Client, held: HeldTerminal) -> Client:
    """The same terminal, keys apart, in front of another host that was told ``held``."""
    acquirer: Acquirer = make_host(b"other")[0]
    put(acquirer, TID, held)
    keys = sign_on(acquirer, TID)
    return Client(acquirer, batch=client.batch, stan=client.stan, mac=UnionPayEcbMac(keys["mac"]))


def test_it_comes_back_as_it_went_out() -> None:
    client = traded()
    held = take(client.acquirer, TID)
    assert [batch.phase for batch in held.batches] == ["closed", "closed", "open"]
    assert held.batches[1].host_only and held.batches[1].terminal_only == ("000009",)
    assert held.batches[2].early_reversals == ("000015",)
    assert {entry.state for entry in held.entries} == {"SETTLED", "APPROVED", "VOIDED", "REVERSED"}
    assert take(moved(client, through_json(held)).acquirer, TID) == held


def test_neither_card_numbers_nor_keys_leave() -> None:
    client = traded()
    text = json.dumps(msgspec.to_builtins(take(client.acquirer, TID)))
    assert PAN not in text and PAN[:6] + "******" + PAN[-4:] in text
    keys = client.acquirer.session(TID).keys
    assert keys is not None
    for key in (keys.pin_key, keys.mac_key, client.master):
        assert key.hex() not in text.lower()


def test_the_terminal_notices_nothing() -> None:
    """Each thing asked of the second host is answered as the first would have."""
    answers = []
    for client in (traded(), moved(traded(), through_json(take(traded().acquirer, TID)))):
        said = [
            client.sale(400, stan="000011").text(39),
            client.sale(700, stan="000015").text(39),
            client.void("000011", 400, stan="000031").text(39),
            client.reverse("000031", 400, code="200000").text(39),
            client.refund("000001", "000002", 100, stan="000032").text(39),
            client.refund("000002", "000002", 200, stan="000033", pan="6222020000000016").text(39),
            client.refund("000002", "000002", 200, stan="000034").text(39),
            verdict(client.settle(1, 999, batch="000002")),
            verdict(client.settle(1, 1)),
            client.upload([("000011", PAN, 400)]).text(39),
            client.end_upload(1).text(39),
        ]
        ended = client.acquirer.settlements(TID)[-1]
        answers.append((said, len(ended.settled), len(ended.host_only), ended.terminal_only))
    assert answers[0] == answers[1]
    assert answers[0][0][:2] == ["94", "12"]


def test_a_masked_number_is_the_card_by_what_is_left_of_it() -> None:
    masked = PAN[:6] + "*" * (len(PAN) - 10) + PAN[-4:]
    assert same_card(masked, PAN) and same_card(PAN, PAN) and same_card(PAN, "000" + PAN) and same_card("", PAN)
    assert not same_card(masked, PAN[:-1] + "0") and not same_card(masked, PAN + "0") and not same_card(PAN, masked)


# ---------------------------------------------------------------- from the terminal's own files


def test_a_host_that_agrees_with_the_records() -> None:
    records = [
        RecordSeen("000007", "000042", "sale", 700),
        RecordSeen("8", "42", "sale", 800, "voided"),
        RecordSeen("9", "", "refund", 90),
        RecordSeen("10", "42", "sale", 100, "refunded"),
        RecordSeen("11", "41", "sale", 1100),
        RecordSeen("12", "42", "void", 800),
        RecordSeen("13", "42", "sale", 1300, "reversed"),
    ]
    held = adopted("42", records)
    assert [(entry.kind, entry.stan, entry.amount_fen) for entry in held.entries] == [
        ("sale", "000007", 700), ("refund", "000009", 90), ("sale", "000010", 100),
    ]  # fmt: skip
    client = moved(Client(make_host()[0], batch="000042"), held)
    assert client.sale(50, stan="000014").text(39) == "00"
    assert verdict(client.settle(3, 850, 1, 90)) == "11"


def test_an_upload_may_name_any_card_where_none_is_known() -> None:
    client = moved(Client(make_host()[0], batch="000042"), adopted("42", [RecordSeen("7", "42", "sale", 700)]))
    client.settle(9, 9)
    client.upload([("000007", PAN, 700)])
    client.end_upload(1)
    (ended,) = client.acquirer.settlements(TID)
    assert len(ended.settled) == 1 and not ended.host_only and not ended.terminal_only


def test_a_batch_number_is_taken_from_the_terminal_once() -> None:
    acquirer = make_host()[0]
    session = acquirer.session(TID)
    session.adopts_batch = session.was_in_service = True
    client = Client(acquirer, batch="000077", mac=UnionPayEcbMac(sign_on(acquirer, TID)["mac"]))
    assert client.reverse("000003", 100, batch="000076").text(39) == "25"
    assert session.adopts_batch, "a reversal may be older than the open batch"
    assert client.sale(100).text(39) == "00" and session.batch == "000077"
    client.batch = "000080"
    assert client.sale(100).text(39) == "77"


def test_without_an_image_an_unknown_batch_is_an_error_as_ever() -> None:
    client = Client(make_host()[0])
    client.sign_on()
    assert client.reverse("000003", 100, batch="000076").text(39) == "77"
    client.batch = "000077"
    assert client.sale(100).text(39) == "77"


# ---------------------------------------------------------------- data that somebody wrote

BAD: dict[str, HeldTerminal] = {
    "batch that is no number": HeldTerminal("12"),
    "entry of no batch": HeldTerminal("000001", entries=(HeldEntry("000009", "000001", "sale", "APPROVED", 1),)),
    "stan that is no number": HeldTerminal("000001", entries=(HeldEntry("000001", "x", "sale", "APPROVED", 1),)),
    "negative amount": HeldTerminal("000001", entries=(HeldEntry("000001", "000001", "sale", "APPROVED", -1),)),
    "original that is not there": HeldTerminal(
        "000001", entries=(HeldEntry("000001", "000001", "void", "APPROVED", 1, original=1),)
    ),
    "settled that is not there": HeldTerminal("000001", batches=(HeldBatch("000001", "closed", settled=(0,)),)),
    "early reversal of nothing": HeldTerminal("000001", batches=(HeldBatch("000001", early_reversals=("",)),)),
}


@pytest.mark.parametrize("case", BAD)
def test_data_that_do_not_fit_together_are_refused(case: str) -> None:
    with pytest.raises(ValueError, match=r"no number|not listed|negative|no entry"):
        put(make_host()[0], TID, BAD[case])


def test_holds_and_parts_are_handed_over_with_what_may_become_of_them() -> None:
    acquirer: Acquirer = make_host(part=lambda _token, amount_fen: amount_fen // 2)[0]
    client = Client(acquirer)
    client.sign_on()
    for stan in ("000011", "000012", "000013"):
        client.preauth(1000, stan=stan)
    client.completion("000001", "000011", 900, stan="000021")
    client.preauth_void("000001", "000012", 1000, stan="000022")
    client.sale(600, stan="000014")
    held = take(client.acquirer, TID)
    other = moved(client, through_json(held))
    assert take(other.acquirer, TID) == held
    answers = [
        other.completion("000001", "000011", 900),
        other.completion("000001", "000012", 900),
        other.completion("000001", "000013", 900),
        other.reverse_hold("completion", "000021", 900),
        other.completion("000001", "000011", 800),
        other.reverse("000014", 600),
    ]
    assert [reply.text(39) for reply in answers] == ["12", "12", "00", "00", "00", "00"]


def test_records_of_holds_and_completions_make_a_host_that_knows_them() -> None:
    records = [
        RecordSeen("000011", "000004", "preauth", 1000), RecordSeen("000012", "000004", "completion", 900),
        RecordSeen("000013", "000004", "preauth_void", 500),
    ]  # fmt: skip
    held = adopted("000004", records)
    assert [(each.kind, each.state) for each in held.entries] == [("preauth", "APPROVED"), ("completion", "APPROVED")]
