"""Scan-to-pay orders as a terminal meets them: creation, query, revocation, the customer's phone, time, refund, settlement."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from harness.core.units import US_PER_DAY, US_PER_SECOND
from harness.history.events import OrderChanged
from harness.host.holds import Rules
from harness.iso8583.unionpay import Order59
from tests.host.host_client import TID, Client, make_host, verdict

PAY, QUERY, REVOKE = "000000", "310000", "200000"


class Scanner(Client):
    """A client that also speaks of orders."""

    def exchange(self, message, lose_reply=False):
        self.acquirer.fall_due(self.now_us + 1_000_000)
        return super().exchange(message, lose_reply)

    def order(self, number, amount_fen=1000, token="00000000001", kind=PAY, stan=None, **more):
        code = f"62000000{token}" if kind == PAY else ""
        fields = {
            3: kind, 4: f"{amount_fen:012d}", 11: stan or self.next_stan(), 22: "031", 25: "00", 49: "156",
            59: str(Order59(number, code)), 60: f"22{self.batch}000", 64: bytes(8),
        }  # fmt: skip
        fields.update({int(name[1:]): value for name, value in more.items()})
        return self.exchange(self.message("0600", fields))

    def later(self, seconds):
        self.now_us += int(seconds * US_PER_SECOND)
        self.acquirer.fall_due(self.now_us)


def open_world(**options):
    acquirer, _, settlements = make_host(**options)
    turns = []
    acquirer.bank.ledger._recorder.watch(OrderChanged, lambda _number, event: turns.append(event))
    client = Scanner(acquirer)
    # Orders are signed like every request about money.
    client.sign_on()
    return client, acquirer, turns, settlements


@pytest.fixture
def world():
    return open_world()


def code(reply):
    return reply.text(39)


def states(acquirer):
    return [(entry.kind, entry.state, entry.amount_fen) for entry in acquirer.entries()]


def asked(acquirer, after_s):
    """The next customer confirms after so long, or a moment before the revocation."""
    acquirer.knobs(TID).confirmations, acquirer.knobs(TID).confirmed_after_us = 1, int(after_s * US_PER_SECOND)


def test_an_order_that_is_paid_is_a_sale_under_the_payers_token(world):
    client, acquirer, turns, _ = world
    reply = client.order("A", 1200, token="00000000007", stan="000042")
    assert (code(reply), reply.mti, len(reply.text(37)), len(reply.text(38))) == ("00", "0610", 12, 6)
    assert reply.text(59).rstrip() == "A", "the code is not sent back"
    assert states(acquirer) == [("sale", "APPROVED", 1200)] and acquirer.net_fen("00000000007") == 1200
    assert [(each.order, each.state, each.stan, each.entry) for each in turns] == [("A", "SUCCESS", "000042", 0)]
    assert code(client.order("A", kind=QUERY)) == "00"
    assert verdict(client.settle(1, 1200)) == "11"


def test_what_a_history_says_of_its_messages(world):
    client, acquirer, _, _ = world
    client.order("A", 1200, token="00000000007", stan="000042")
    asked_for, answered = (acquirer.describe(frame) for frame in (client.sent[-1], client.received[-1]))
    assert (asked_for.mti, asked_for.order, asked_for.token, asked_for.stan) == ("0600", "A", "00000000007", "000042")
    assert (answered.mti, answered.order, answered.token, answered.response_code) == ("0610", "A", "", "00")


def test_the_customer_confirms_on_the_phone(world):
    client, acquirer, turns, _ = world
    asked(acquirer, 5)
    assert code(client.order("A")) == "09" and states(acquirer) == []
    assert code(client.order("A", kind=QUERY)) == "09"
    client.later(5)
    assert [each.state for each in turns] == ["USERPAYING", "SUCCESS"], "it lands whether anybody asks or not"
    assert code(client.order("A", kind=QUERY)) == "00"


def test_an_order_that_nobody_pays_is_revoked_after_45_seconds():
    client, acquirer, turns, _ = open_world(payer=lambda _token, _amount: None)
    assert code(client.order("A")) == "09"
    client.later(43)
    assert acquirer.orders.state.open
    client.later(2)
    assert turns[-1].state == "REVOKED" and not acquirer.orders.state.open
    assert code(client.order("A", kind=QUERY)) == "12" and code(client.order("A", kind=REVOKE)) == "00"
    assert states(acquirer) == []


def test_a_declined_order_is_closed():
    client, acquirer, turns, _ = open_world(decide=lambda *_: "51")
    assert code(client.order("A")) == "51"
    assert states(acquirer) == [("sale", "DECLINED", 1000)] and turns[-1].state == "CLOSED"
    assert code(client.order("A", kind=QUERY)) == "12" and code(client.order("A", kind=REVOKE)) == "12"


def test_an_order_number_is_used_once(world):
    client, acquirer, _, _ = world
    client.order("A", 1000, token="00000000001")
    for token in ("00000000001", "00000000002"):
        assert code(client.order("A", 1000, token=token)) == "94"
    assert code(client.order("B", 1000, token="00000000003", stan="000002")) == "94", "its trace number was used"
    assert states(acquirer) == [("sale", "APPROVED", 1000)]


@pytest.mark.parametrize(("trusting", "answer", "charged"), [(False, "14", 1000), (True, "00", 2000)])
def test_a_code_is_good_for_one_order_unless_the_acquirer_does_not_look(trusting, answer, charged):
    client, acquirer, _, _ = open_world(rules=Rules(codes_trusted=trusting))
    client.order("A")
    assert code(client.order("B")) == answer
    assert acquirer.net_fen("00000000001") == charged


def test_revocation_is_too_early_then_gives_back_then_is_repeated(world):
    client, acquirer, turns, _ = world
    client.order("A")
    assert code(client.order("A", kind=REVOKE)) == "09" and acquirer.net_fen("00000000001") == 1000
    client.later(15)
    assert code(client.order("A", kind=REVOKE)) == "00"
    assert states(acquirer) == [("sale", "REVERSED", 1000)] and turns[-1].state == "REVOKED"
    assert code(client.order("A", kind=REVOKE)) == "00" and code(client.order("A", kind=QUERY)) == "12"


def test_the_payment_may_land_between_the_last_query_and_the_revocation(world):
    client, acquirer, turns, _ = world
    asked(acquirer, 44)
    client.order("A")
    client.later(20)
    assert code(client.order("A", kind=QUERY)) == "09"
    assert code(client.order("A", kind=REVOKE)) == "00"
    assert [each.state for each in turns] == ["USERPAYING", "SUCCESS", "REVOKED"]
    assert acquirer.net_fen("00000000001") == 0


def test_an_order_that_comes_after_its_revocation_takes_nothing(world):
    client, acquirer, _, _ = world
    assert code(client.order("A", kind=REVOKE)) == "25"
    assert code(client.order("A")) == "12" and states(acquirer) == []


def test_what_is_settled_or_a_week_old_is_not_revoked(world):
    client, acquirer, _, _ = world
    client.order("A")
    client.order("B", token="00000000002")
    client.now_us += 8 * US_PER_DAY
    assert code(client.order("A", kind=REVOKE)) == "12"
    client.settle(2, 2000)
    client.batch = "000002"
    assert code(client.order("B", kind=REVOKE)) == "12"
    assert [state for _, state, _ in states(acquirer)] == ["SETTLED", "SETTLED"]


def test_a_payment_finds_its_batch_closed(world):
    client, acquirer, turns, _ = world
    asked(acquirer, 10)
    client.order("A")
    client.settle(0, 0)
    client.later(10)
    assert turns[-1].state == "CLOSED" and states(acquirer) == []


def test_a_refund_of_an_order_needs_no_card(world):
    client, acquirer, turns, _ = world
    rrn = client.order("A", 1000, stan="000042").text(37)
    reply = client.exchange(client.message("0220", {
        3: "200000", 4: f"{400:012d}", 11: client.next_stan(), 25: "00", 37: rrn, 49: "156",
        60: f"25{client.batch}000", 61: f"{client.batch}0000420101", 64: bytes(8),
    }))  # fmt: skip
    assert code(reply) == "00" and acquirer.bank.ledger.net_fen_of_terminal(TID) == 600
    assert turns[-1].state == "SUCCESS"
    client.later(20)
    assert code(client.order("A", kind=REVOKE)) == "12", "what has a refund is given back by refund"


@pytest.mark.parametrize(
    ("fields", "answer"), [({"f59": " " * 32}, "13"), ({"f3": "990000"}, "12"), ({"f60": "22000009000"}, "77")]
)
def test_nonsense_is_answered_and_changes_nothing(world, fields, answer):
    client, acquirer, _, _ = world
    assert code(client.order("A", **fields)) == answer
    assert states(acquirer) == [] and not acquirer.orders.state.open


def test_a_code_that_answers_nothing_creates_nothing(world):
    client, acquirer, _, _ = world
    acquirer.knobs(TID).respond_code, acquirer.knobs(TID).respond_count = "96", 1
    assert code(client.order("A")) == "96" and code(client.order("A", kind=QUERY)) == "25"
    assert code(client.order("A")) == "00"


def test_an_image_holds_open_orders(world):
    client, acquirer, turns, _ = world
    asked(acquirer, 10)
    client.order("A")
    image = acquirer.image()
    client.later(10)
    acquirer.restore(image)
    assert acquirer.orders.next_due_us() == client.now_us
    client.later(0)
    assert [each.state for each in turns] == ["USERPAYING", "SUCCESS", "SUCCESS"] and len(states(acquirer)) == 1


class AnyOrder(RuleBasedStateMachine):
    """Whatever is asked in whatever order: a charge stands exactly where an order is SUCCESS."""

    @initialize(delays=st.lists(st.sampled_from([0, 0, 3, 20, 44, None]), min_size=40, max_size=40))
    def begin(self, delays):
        left = iter(delays)
        self.client, self.acquirer, self.turns, _ = open_world(
            payer=lambda _token, _amount: None if (delay := next(left, 0)) is None else delay * US_PER_SECOND
        )
        self.presented = 0

    @rule(number=st.sampled_from("ABCDEF"), kind=st.sampled_from([PAY, PAY, QUERY, REVOKE]), late=st.booleans())
    def ask(self, number, kind, late):
        self.presented += 1
        if late:
            asked(self.acquirer, 44)
        assert code(self.client.order(number, 100, f"{self.presented:011d}", kind)) in {"00", "09", "12", "25", "94"}

    @rule(seconds=st.sampled_from([1, 5, 16, 46]))
    def wait(self, seconds):
        self.client.later(seconds)

    @invariant()
    def charges_are_orders(self):
        orders = list(self.acquirer.orders.state.orders.values())
        standing = {entry.number for entry in self.acquirer.entries() if entry.state == "APPROVED"}
        assert {each.entry for each in orders if each.state == "SUCCESS"} == standing
        for each in orders:
            if each.state == "USERPAYING":
                assert self.client.now_us - each.created_us < 46 * US_PER_SECOND
        ended = {each.order for each in self.turns if each.state in ("CLOSED", "REVOKED")}
        assert not ended & {each.number for each in orders if each.state in ("SUCCESS", "USERPAYING")}, (
            "an end is an end"
        )


AnyOrder.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestAnyOrder = AnyOrder.TestCase
