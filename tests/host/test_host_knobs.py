"""What can be made to go wrong at the host: each knob has its effect, and counts it."""

import pytest

from harness.iso8583 import unionpay
from harness.iso8583.frame import Envelope
from tests.host.fresh_world import code, states, world
from tests.host.host_client import TID, verdict

__all__ = ["world"]


def test_each_knob_has_its_effect_and_counts_it(world):
    client, acquirer, _, _ = world
    knobs = acquirer.knobs(TID)
    knobs.ignore_requests = 1
    assert client.sale(100) is None and acquirer.ledger_entries == 0
    knobs.drop_replies = 1
    assert client.sale(100) is None and acquirer.ledger_entries == 1
    knobs.silent_until_us = client.now_us + 1_500_000
    assert client.sale(100) is None and acquirer.ledger_entries == 1
    assert code(client.sale(100)) == "00"
    knobs.respond_code, knobs.respond_count = "51", 1
    assert code(client.sale(100)) == "51" and [*acquirer.entries()][-1].state == "DECLINED"
    knobs.overloaded_until_us = client.now_us + 1_500_000
    assert code(client.sale(100)) == "96"
    knobs.cut_over_until_us = client.now_us + 1_500_000
    assert code(client.sale(100)) == "90"
    knobs.wrong_macs = 1
    received = client.sale(100)
    assert code(received) == "00"
    assert not unionpay.Received(Envelope(unionpay.encode(received)), received).mac_is_good(client.mac)
    knobs.settlement_errors = 1
    assert verdict(client.settle(3, 300)) == "33"
    knobs.totals_off_by_one = 1
    assert verdict(client.settle(3, 300)) == "21"
    assert verdict(client.settle(3, 300)) == "11"
    used = "ignore_requests drop_replies silent_until_us respond_count overloaded_until_us cut_over_until_us"
    used += " wrong_macs settlement_errors totals_off_by_one"
    assert dict(knobs.struck) == dict.fromkeys(used.split(), 1)


@pytest.mark.parametrize(
    ("what", "number"),
    [("trace number", 11), ("amount", 4), ("terminal", 41), ("processing code", 3), ("message type", 0)],
)
def test_a_mismatched_reply_differs_in_one_thing_and_its_request_takes_effect(world, what, number):
    client, acquirer, _, _ = world
    knobs = acquirer.knobs(TID)
    knobs.mismatched_replies, knobs.mismatched_field = 1, what
    mixed = client.sale(100, stan="000042")
    right = client.sale(100, stan="000043")
    differing = {
        each for each in (3, 4, 41) if mixed.fields[each] != right.fields[each]
    } | ({11} if mixed.text(11) != "000042" else set()) | ({0} if mixed.mti != right.mti else set())  # fmt: skip
    assert differing == {number}
    assert code(mixed) == "00" and states(acquirer)[0] == ("sale", "000042", "APPROVED")


def test_a_mismatched_trace_number_is_one_that_never_comes_again(world):
    """Of one still to come, and late, no terminal could tell that it is not its own."""
    client, acquirer, _, _ = world
    acquirer.knobs(TID).mismatched_replies = 2
    assert client.sale(100, stan="000042").text(11) == "000041"
    assert client.sale(100, stan="000001").text(11) == "999999"


def test_the_history_says_of_a_frame_what_a_fault_made_wrong_in_it_however_late_it_is_asked(world):
    client, acquirer, _, _ = world
    acquirer.knobs(TID).wrong_macs = 1
    client.sale(100)
    spoilt = client.received[-1]
    for _ in range(100):
        client.sale(100)
    assert acquirer.describe(spoilt).altered == "mac" and acquirer.describe(client.received[-1]).altered == ""


def test_a_reply_held_back_comes_with_a_later_request(world):
    client, acquirer, _, _ = world
    knobs = acquirer.knobs(TID)
    knobs.held_replies, knobs.held_for = 1, 2
    assert client.sale(100, stan="000042") is None
    frame = client.sent[-1]
    assert acquirer.overdue(frame) == []
    (late,) = acquirer.overdue(frame)
    assert acquirer.describe(late).stan == "000042" and acquirer.overdue(frame) == []


@pytest.mark.parametrize("what", ["reverse", "settle", "sign_on", "upload"])
def test_a_forced_code_keeps_other_requests_from_taking_effect(world, what):
    client, acquirer, _, _ = world
    client.sale(100, stan="000042")
    acquirer.knobs(TID).respond_code, acquirer.knobs(TID).respond_count = "96", 1
    ask = {
        "reverse": lambda: client.reverse("000042", 100),
        "settle": lambda: client.settle(1, 100),
        "sign_on": client.sign_on,
        "upload": lambda: client.upload([]),
    }[what]
    assert code(ask()) == "96" and states(acquirer) == [("sale", "000042", "APPROVED")]


def test_the_hosts_memory_can_be_copied_and_put_back(world):
    client, acquirer, _, _ = world
    client.sale(100, stan="000042")
    image = acquirer.image()
    for _ in range(2):
        assert code(client.reverse("000042", 100)) == "00"
        assert verdict(client.settle(0, 0)) == "11"
        acquirer.restore(image)
        assert states(acquirer) == [("sale", "000042", "APPROVED")] and acquirer.batch_number(TID) == "000001"
    assert code(client.sale(100)) == "00", "keys are part of the image"
