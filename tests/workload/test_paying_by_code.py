"""Customers who pay by code: by a key of its own where the scenario asks for it, and back the same way."""

from dataclasses import replace

import pytest

from harness.contract import Approved, Declined, Refused
from harness.history.events import LedgerChanged, OrderChanged
from harness.host.orders import UNPAID
from harness.workload.behaviour import Behaviour
from harness.workload.cards import payment_code, presentation
from harness.workload.customers import Ending
from tests.workload.scripted_station import ACTIONS
from tests.workload.test_customers import asked_of, serve, till_of, visit

SCANNING = ACTIONS | {"scan_sale", "scan_refund"}
CODES = Behaviour(scans_codes_percent=100.0, tries_other_card_percent=0.0)
BY_CODE = replace(visit(), pays_by_code=True)


def approving(seen):
    """A terminal that keeps what it reads, and approves."""

    def script(station, asked):
        if asked.kind in ("sale", "scan_sale"):
            seen.append((yield from station.hardware.card_reader.read()))
        yield station.world.env.timeout(500_000)
        station.show(asked.number, "approved", stan="000001", amount_fen=asked.amount_fen)
        return Approved("000001", "000001", "RRN")

    return script


def scanning(script, behaviour=CODES, actions=SCANNING):
    till = till_of(script, behaviour)
    till.station.manifest = replace(till.station.manifest, actions=actions)
    return till


def test_a_code_goes_by_its_own_key_and_comes_back_without_being_shown():
    seen = []
    till = scanning(approving(seen))
    assert serve(till, BY_CODE) == [Ending.PAID]
    assert asked_of(till)[0].kind == "scan_sale" and [each.pan for each in seen] == [""]
    assert seen[0].code.isdecimal() and len(seen[0].code) == 19
    till.settled_sales.append(till.unsettled_sales.pop())
    assert serve(till, visit(1, "refund", choice=0.9)) == [Ending.PAID]
    assert (asked_of(till)[1].kind, asked_of(till)[1].original_stan, len(seen)) == ("scan_refund", "000001", 1)


def test_a_void_of_what_was_scanned_is_a_refund():
    till = scanning(approving([]))
    serve(till, BY_CODE, visit(1, "void"))
    assert [each.kind for each in asked_of(till)] == ["scan_sale", "scan_refund"]


@pytest.mark.parametrize(
    ("behaviour", "actions", "customer"),
    [(Behaviour(), SCANNING, BY_CODE), (CODES, ACTIONS, BY_CODE), (CODES, SCANNING, visit())],
    ids=["nobody asked for it", "the terminal has no such key", "a card"],
)
def test_all_others_pay_as_ever(behaviour, actions, customer):
    seen = []
    till = scanning(approving(seen), behaviour, actions)
    serve(till, customer)
    assert asked_of(till)[0].kind == "sale"
    assert seen == [presentation(customer.card_choice, customer.pays_by_code, "00010000001")]


def test_a_code_names_its_presentation():
    assert payment_code(0.5, "00010000042").code == "62500000" + "00010000042"


def turning(*events):
    """A terminal whose order turns so at the host, and which then says that it was not paid."""

    def script(station, asked):
        yield from station.hardware.card_reader.read()
        for wait_s, event in events:
            yield station.world.env.timeout(int(wait_s * 1_000_000))
            station.world.recorder.emit(replace_time(event, station.world.now_us))
        station.show(asked.number, "declined")
        return Declined("order_revoked")

    return script


def replace_time(event, at_us):
    """``event`` at this instant, of the first presentation."""
    return type(event)(**{**{name: getattr(event, name) for name in event.__struct_fields__}, "at_us": at_us})


def order(state, before="", reason="", entry=None):
    return OrderChanged(0, "T01", "A", state, before, "000001", "000001", 1234, "00010000001", entry, reason)


ASKED, UNPAID_END = order("USERPAYING"), order("REVOKED", "USERPAYING", UNPAID)
LANDS, TAKEN_BACK = order("SUCCESS", "USERPAYING", entry=0), order("REVOKED", "SUCCESS", entry=0)


@pytest.mark.parametrize(
    ("turns", "is_the_customers_doing"),
    [
        (((0, ASKED), (45, UNPAID_END)), True),
        (((0, ASKED), (44, LANDS), (1, TAKEN_BACK)), True),
        (((0, ASKED), (6, LANDS), (20, TAKEN_BACK)), False),
        (((0, ASKED), (16, order("REVOKED", "USERPAYING", "revoked by the terminal"))), False),
        (((0, LedgerChanged(0, "T01", 0, "sale", "DECLINED", "", "1", "1", 1234, "00010000001", "51")),), True),
    ],
    ids=["never confirmed", "confirmed too late", "confirmed in time", "revoked too soon", "declined"],
)
def test_an_unpaid_order_is_the_customers_doing_or_the_terminals(turns, is_the_customers_doing):
    till = scanning(turning(*turns))
    assert serve(till, BY_CODE) == [Ending.DECLINED]
    assert (till.tally.declined, till.tally.refused) == ((1, 0) if is_the_customers_doing else (0, 1))


def test_an_order_that_did_not_arrive_is_tried_again():
    tries = []

    def script(station, asked):
        yield from station.hardware.card_reader.read()
        tries.append(asked.kind)
        if len(tries) == 1:
            station.show(asked.number, "refused")
            return Refused("order_lost")
        station.show(asked.number, "approved", stan="000001", amount_fen=asked.amount_fen)
        return Approved("000001", "000001", "RRN")

    assert serve(scanning(script), BY_CODE) == [Ending.PAID] and tries == ["scan_sale", "scan_sale"]
