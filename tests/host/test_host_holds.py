"""Pre-authorisation in full, as a terminal meets it: hold, completion, both voids, every reversal, time, settlement."""

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from harness.core.units import US_PER_DAY
from harness.host.holds import Rules
from tests.host.host_client import PAN, TID, Client, make_host, verdict

BATCH = "000001"
OTHER_PAN = "6222020000000016"
TRUSTING = Rules(completions_trusted=True)


def open_world(**options):
    acquirer, changes, settlements = make_host(**options)
    client = Client(acquirer)
    client.sign_on()
    return client, acquirer, changes, settlements


@pytest.fixture
def world():
    return open_world()


def code(reply):
    return reply.text(39)


def states(acquirer):
    return [(entry.kind, entry.state) for entry in acquirer.entries()]


def taken(acquirer):
    return acquirer.bank.ledger.net_fen_of_terminal(TID)


def held(client, amount_fen=10000, stan="000042"):
    """A hold that stands; its RRN."""
    reply = client.preauth(amount_fen, stan=stan)
    assert code(reply) == "00"
    return reply.text(37)


# ---------------------------------------------------------------- the hold


def test_a_hold_takes_nothing_and_is_in_no_total(world):
    client, acquirer, changes, _ = world
    reply = client.preauth(10000, stan="000042")
    assert (code(reply), reply.mti, len(reply.text(38))) == ("00", "0110", 6)
    assert states(acquirer) == [("preauth", "APPROVED")] and taken(acquirer) == 0
    assert changes[-1].token == "00000000001" and acquirer.open_entries(TID) == []
    assert verdict(client.settle(0, 0)) == "11"
    assert states(acquirer) == [("preauth", "APPROVED")], "a settlement leaves holds alone"


def test_a_card_that_is_no_good_holds_nothing():
    client, acquirer, _, _ = open_world(decide=lambda *_: "51")
    assert code(client.preauth(10000)) == "51"
    assert states(acquirer) == [("preauth", "DECLINED")]


@pytest.mark.parametrize(
    ("processing_code", "condition", "type_code"),
    [
        ("030000", "00", "10"),
        ("030000", "06", "22"),
        ("000000", "06", "10"),
        ("030000", "06", "20"),
        ("310000", "06", "10"),
    ],
)
def test_fields_that_do_not_belong_together_are_declined(world, processing_code, condition, type_code):
    client, acquirer, _, _ = world
    reply = client.preauth(100, f3=processing_code, f25=condition, f60=f"{type_code}{BATCH}000")
    assert code(reply) == "12" and states(acquirer) == []


def test_a_sale_under_the_condition_of_a_hold_is_declined(world):
    client, acquirer, _, _ = world
    assert code(client.sale(100, f25="06")) == "12" and states(acquirer) == []


def test_what_a_hold_or_completion_lacks_is_a_format_error(world):
    client = world[0]
    held(client)
    message = client.sale_message(100, mti="0100", f3="030000", f25="06", f60=f"10{BATCH}000")
    bare = client.message("0100", {number: value for number, value in message.fields.items() if number not in (2, 35)})
    assert code(client.exchange(bare)) == "30"
    no_original = client.sale_message(100, f25="06", f60=f"20{BATCH}000")
    assert code(client.exchange(no_original)) == "30"


def test_a_hold_sent_twice_is_a_duplicate_and_one_reversed_before_it_comes_is_declined(world):
    client, acquirer, _, _ = world
    held(client)
    assert code(client.preauth(10000, stan="000042")) == "94"
    assert code(client.reverse_hold("preauth", "000050", 700)) == "25"
    assert code(client.preauth(700, stan="000050")) == "12"
    assert states(acquirer) == [("preauth", "APPROVED"), ("preauth", "DECLINED")]


# ---------------------------------------------------------------- completion


@pytest.mark.parametrize(("amount", "answer"), [(1, "00"), (10000, "00"), (11500, "00"), (11501, "64"), (13000, "64")])
def test_a_completion_takes_up_to_115_percent(world, amount, answer):
    client, acquirer, _, _ = world
    rrn = held(client)
    reply = client.completion(BATCH, "000042", amount, rrn)
    assert (code(reply), reply.mti) == (answer, "0210")
    assert taken(acquirer) == (amount if answer == "00" else 0)
    assert states(acquirer)[0] == ("preauth", "COMPLETED" if answer == "00" else "APPROVED")


def test_115_percent_of_an_odd_amount_is_not_rounded_up(world):
    client = world[0]
    held(client, 333)  # 115 % are 382.95 fen
    assert code(client.completion(BATCH, "000042", 383)) == "64"
    assert code(client.completion(BATCH, "000042", 382)) == "00"


def test_a_hold_is_completed_once(world):
    client, acquirer, _, _ = world
    held(client)
    assert code(client.completion(BATCH, "000042", 9000)) == "00"
    assert code(client.completion(BATCH, "000042", 1000)) == "12"
    assert code(client.preauth_void(BATCH, "000042", 10000)) == "12"
    assert taken(acquirer) == 9000


def test_a_completion_comes_days_and_batches_later(world):
    client, acquirer, _, settlements = world
    rrn = held(client)
    client.sale(300)
    client.settle(1, 300)
    client.batch = "000002"
    client.now_us += 2 * US_PER_DAY
    assert code(client.completion(BATCH, "000042", 11500, rrn, stan="000060")) == "00"
    assert verdict(client.settle(1, 11500)) == "11"
    assert settlements[-1].host_totals == (1, 11500, 0, 0)
    assert states(acquirer) == [("preauth", "COMPLETED"), ("sale", "SETTLED"), ("completion", "SETTLED")]


def test_completions_are_uploaded_like_sales_and_holds_are_not(world):
    client, acquirer, _, settlements = world
    held(client)
    client.completion(BATCH, "000042", 9000, stan="000060")
    held(client, 500, stan="000061")
    assert verdict(client.settle(2, 9500)) == "21"
    client.upload([("000060", PAN, 9000), ("000061", PAN, 500)])
    client.end_upload(2)
    assert settlements[-1].terminal_only == ("000061",) and settlements[-1].host_only == ()
    assert states(acquirer)[1] == ("completion", "SETTLED")


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"pan": OTHER_PAN}, "14"), ({"original_stan": "000041"}, "25"), ({"rrn": "999999999999"}, "25"),
        ({"batch": "000007"}, "25"),
    ],
)  # fmt: skip
def test_a_completion_must_name_its_hold_and_show_its_card(world, change, answer):
    client, acquirer, _, _ = world
    rrn = held(client)
    named = {"batch": BATCH, "original_stan": "000042", "amount_fen": 9000, "rrn": rrn, **change}
    assert code(client.completion(**named)) == answer
    assert taken(acquirer) == 0


def test_what_is_no_hold_cannot_be_completed(world):
    client, acquirer, _, _ = world
    client.sale(5000, stan="000042")
    assert code(client.completion(BATCH, "000042", 5000)) == "25"
    assert code(client.preauth_void(BATCH, "000042", 5000)) == "25"
    assert taken(acquirer) == 5000


def test_another_terminal_of_the_merchant_may_complete_it():
    client, acquirer, _, _ = open_world()
    rrn = held(client)
    acquirer.register_terminal("10000002", client.mid, "T02", client.master)
    acquirer.register_terminal("10000003", "898100000000003", "T03", client.master)
    neighbour = Client(acquirer, tid="10000002")
    neighbour.sign_on()
    stranger = Client(acquirer, tid="10000003", mid="898100000000003")
    stranger.sign_on()
    assert code(stranger.completion(BATCH, "000042", 100, rrn)) == "25"
    assert code(neighbour.completion(BATCH, "000042", 100, rrn)) == "00"


def test_a_completion_can_be_refunded_but_not_voided_as_a_sale(world):
    client, acquirer, _, _ = world
    held(client)
    rrn = client.completion(BATCH, "000042", 9000, stan="000060").text(37)
    assert code(client.void("000060", 9000, rrn)) == "12"
    assert code(client.refund(BATCH, "000060", 4000, rrn)) == "00"
    assert taken(acquirer) == 5000


# ---------------------------------------------------------------- voids


def test_a_voided_hold_is_gone(world):
    client, acquirer, _, _ = world
    held(client)
    assert code(client.preauth_void(BATCH, "000042", 9999)) == "64"
    assert code(client.preauth_void(BATCH, "000042", 10000)) == "00"
    assert code(client.preauth_void(BATCH, "000042", 10000)) == "12"
    assert code(client.completion(BATCH, "000042", 100)) == "12"
    assert states(acquirer)[0] == ("preauth", "VOIDED") and taken(acquirer) == 0


def test_a_voided_completion_leaves_the_hold_for_another(world):
    client, acquirer, _, _ = world
    held(client)
    rrn = client.completion(BATCH, "000042", 9000, stan="000060").text(37)
    assert code(client.completion_void("000060", 8999, rrn)) == "64"
    assert code(client.completion_void("000060", 9000, rrn)) == "00"
    assert taken(acquirer) == 0 and states(acquirer)[:2] == [("preauth", "APPROVED"), ("completion", "VOIDED")]
    assert code(client.completion_void("000060", 9000, rrn)) == "12"
    assert code(client.completion(BATCH, "000042", 8000)) == "00"
    assert verdict(client.settle(1, 8000)) == "11"


def test_a_settled_completion_is_not_voided(world):
    client, acquirer, _, _ = world
    held(client)
    rrn = client.completion(BATCH, "000042", 9000, stan="000060").text(37)
    client.settle(1, 9000)
    client.batch = "000002"
    assert code(client.completion_void("000060", 9000, rrn, batch=BATCH)) == "12"
    assert taken(acquirer) == 9000


# ---------------------------------------------------------------- reversals


def test_every_request_about_a_hold_can_be_reversed(world):
    client, acquirer, _, _ = world
    held(client)
    client.completion(BATCH, "000042", 9000, stan="000060")
    # A completion's reversal may repeat DE61: what it undoes is the completion all the same.
    assert code(client.reverse_hold("completion", "000060", 9000, f61=f"{BATCH}000042")) == "00"
    assert states(acquirer) == [("preauth", "APPROVED"), ("completion", "REVERSED")]
    client.completion(BATCH, "000042", 8000, stan="000061")
    client.completion_void("000061", 8000, stan="000062")
    assert code(client.reverse_hold("completion_void", "000062", 8000, f61=f"{BATCH}000061")) == "00"
    assert taken(acquirer) == 8000 and states(acquirer)[0] == ("preauth", "COMPLETED")
    assert code(client.reverse_hold("preauth", "000042", 10000)) == "12", "it is used"
    held(client, 500, stan="000070")
    client.preauth_void(BATCH, "000070", 500, stan="000071")
    assert code(client.reverse_hold("preauth_void", "000071", 500, f61=f"{BATCH}000070")) == "00"
    assert states(acquirer)[4] == ("preauth", "APPROVED")
    assert code(client.reverse_hold("preauth", "000070", 500)) == "00"
    assert code(client.reverse_hold("preauth", "000070", 500)) == "00", "a reversal sent again is answered alike"
    assert states(acquirer)[4] == ("preauth", "REVERSED")


def test_a_history_says_what_a_completions_reversal_undoes(world):
    client, acquirer, _, _ = world
    client.reverse_hold("completion", "000060", 9000, f61=f"{BATCH}000042")
    assert acquirer.describe(client.sent[-1]).original_stan == "000060"


def test_a_hold_is_reversed_after_its_batch_was_closed(world):
    client, acquirer, _, _ = world
    held(client)
    client.settle(0, 0)
    client.batch = "000002"
    assert code(client.reverse_hold("preauth", "000042", 10000, batch=BATCH)) == "00"
    assert states(acquirer) == [("preauth", "REVERSED")]


def test_a_void_cannot_be_undone_when_the_hold_went_to_another_completion(world):
    client, acquirer, _, _ = world
    held(client)
    client.completion(BATCH, "000042", 9000, stan="000060")
    client.completion_void("000060", 9000, stan="000061")
    client.completion(BATCH, "000042", 7000, stan="000062")
    assert code(client.reverse_hold("completion_void", "000061", 9000)) == "12"
    assert taken(acquirer) == 7000


# ---------------------------------------------------------------- time


def test_a_hold_ends_after_its_time():
    client, acquirer, changes, _ = open_world(rules=Rules(hold_us=2 * US_PER_DAY))
    held(client)
    held(client, 700, stan="000043")
    began_us = client.now_us
    client.now_us = began_us + 2 * US_PER_DAY - 3_000_000
    assert code(client.completion(BATCH, "000042", 9000)) == "00"
    client.now_us = began_us + 2 * US_PER_DAY
    assert code(client.completion(BATCH, "000043", 700)) == "12"
    assert code(client.preauth_void(BATCH, "000043", 700)) == "12"
    assert ("preauth", "EXPIRED") in states(acquirer)
    assert [change.state for change in changes if change.stan == "000043"] == ["APPROVED", "EXPIRED"]


# ---------------------------------------------------------------- a host that asks nobody


def test_a_trusting_host_books_what_it_is_sent():
    client, acquirer, _, _ = open_world(rules=TRUSTING)
    held(client)
    assert code(client.completion(BATCH, "000042", 12000, stan="000060")) == "00"
    assert code(client.completion(BATCH, "000042", 3000, stan="000061")) == "00"
    assert taken(acquirer) == 15000
    assert code(client.reverse_hold("completion", "000061", 3000)) == "00"
    assert states(acquirer)[0] == ("preauth", "COMPLETED"), "the other completion still stands"
    assert code(client.reverse_hold("completion", "000060", 12000)) == "00"
    assert states(acquirer)[0] == ("preauth", "APPROVED")
    assert code(client.preauth_void(BATCH, "000042", 10000)) == "00"
    assert code(client.completion(BATCH, "000042", 5000)) == "00"
    assert code(client.completion(BATCH, "000099", 5000)) == "25", "what it never heard of it cannot book"


# ---------------------------------------------------------------- in any order


class Desk(RuleBasedStateMachine):
    """Holds, completions, voids and reversals in any order, against a tally that sees response codes alone."""

    @initialize()
    def install(self):
        self.client, self.acquirer, _, _ = open_world()
        self.holds = {}  # STAN of a hold -> its amount
        self.taken = Counter()  # STAN of a completion -> fen that the guest is out of pocket
        self.asked = {}  # STAN -> kind, amount, STAN of the original
        self.used_by = {}  # STAN of a hold -> STAN of what used it up

    def answer(self, reply, stan, kind, amount, original=""):
        self.asked[stan] = (kind, amount, original)
        return code(reply) == "00"

    def pick(self, data, *kinds):
        stans = [stan for stan, (kind, _, _) in self.asked.items() if kind in kinds]
        return data.draw(st.sampled_from(stans)) if stans else None

    @rule(amount=st.integers(1, 5000))
    def hold(self, amount):
        stan = self.client.next_stan()
        if self.answer(self.client.preauth(amount, f"{len(self.asked):011d}", stan), stan, "preauth", amount):
            self.holds[stan] = amount

    @rule(data=st.data(), percent=st.sampled_from((50, 100, 115, 116, 200)))
    def complete(self, data, percent):
        hold = self.pick(data, "preauth")
        if hold is None:
            return
        amount = max(1, self.asked[hold][1] * percent // 100)
        stan = self.client.next_stan()
        reply = self.client.completion(BATCH, hold, amount, stan=stan)
        if self.answer(reply, stan, "completion", amount, hold):
            assert amount * 100 <= self.holds[hold] * 115 and hold not in self.used_by
            self.taken[stan] = amount
            self.used_by[hold] = stan

    @rule(data=st.data())
    def void_a_hold(self, data):
        hold = self.pick(data, "preauth")
        if hold is None:
            return
        stan = self.client.next_stan()
        reply = self.client.preauth_void(BATCH, hold, self.asked[hold][1], stan=stan)
        if self.answer(reply, stan, "preauth_void", self.asked[hold][1], hold):
            assert hold in self.holds and hold not in self.used_by
            self.used_by[hold] = stan

    @rule(data=st.data())
    def void_a_completion(self, data):
        done = self.pick(data, "completion")
        if done is None:
            return
        stan, (_, amount, hold) = self.client.next_stan(), self.asked[done]
        if self.answer(self.client.completion_void(done, amount, stan=stan), stan, "completion_void", amount, done):
            assert self.used_by.pop(hold) == done
            self.taken[done] = 0

    @rule(data=st.data(), again=st.integers(1, 2))
    def reverse(self, data, again):
        stan = self.pick(data, "preauth", "completion", "preauth_void", "completion_void")
        if stan is None:
            return
        kind, amount, original = self.asked[stan]
        before = self.acquirer.bank.ledger.find(TID, BATCH, stan).state
        answers = [code(self.client.reverse_hold(kind, stan, amount)) for _ in range(again)]
        assert len(set(answers)) == 1
        if answers[0] != "00" or before == "REVERSED":
            return
        if kind == "preauth":
            del self.holds[stan]
        elif kind == "completion":
            self.taken[stan] = 0
            del self.used_by[original]
        elif kind == "preauth_void":
            del self.used_by[original]
        else:
            hold = self.asked[original][2]
            assert hold not in self.used_by
            self.used_by[hold] = original
            self.taken[original] = self.asked[original][1]

    @invariant()
    def the_ledger_holds_what_was_taken(self):
        if hasattr(self, "acquirer"):
            assert taken(self.acquirer) == sum(self.taken.values())
            free = {stan for stan in self.holds if stan not in self.used_by}
            open_holds = [
                entry for entry in self.acquirer.entries() if (entry.kind, entry.state) == ("preauth", "APPROVED")
            ]
            assert {entry.stan for entry in open_holds} == free


Desk.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestDesk = Desk.TestCase
