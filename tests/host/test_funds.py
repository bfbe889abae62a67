"""A merchant's money after the sale: when it is paid, to which account, what keeps it back, and that it is paid once."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import UsageError
from harness.core.units import US_PER_DAY, US_PER_HOUR
from harness.history.events import PayoutMade
from harness.history.recorder import Recorder
from harness.host.business_days import is_business_day, next_business_day
from harness.host.funds import Funds, FundsTerms, account_of
from harness.host.knobs import Knobs
from harness.host.ledger import Entry, Ledger
from harness.iso8583 import Message, unionpay
from harness.iso8583.funds import Settings63, is_well_formed
from tests.host.host_client import MID as CLIENT_MID
from tests.host.host_client import TID as CLIENT_TID
from tests.host.host_client import Client, make_host

TID, MID = "10000001", "104110000000001"
RIGHT = account_of(MID)
THURSDAY = date(2026, 3, 5)


class Shop:
    """One terminal's money, driven hour by hour."""

    def __init__(self, start=THURSDAY, *, sets_account=False, **terms):
        recorder = Recorder()
        self.payouts = []
        recorder.watch(PayoutMade, lambda _number, event: self.payouts.append(event))
        self.ledger = Ledger(recorder)
        self.funds = Funds(FundsTerms(**terms), self.ledger, recorder, start)
        self.funds.register("T01", TID, MID, sets_account=sets_account)
        self.knobs = {TID: Knobs()}
        self.now_us = 0

    def book(self, day, hour, amount_fen, kind="sale", batch="000001", state="APPROVED"):
        at_us = int((day * 24 + hour) * US_PER_HOUR)
        self.wait(at_us)
        rrn = self.ledger.next_rrn()
        entry = Entry(-1, "T01", TID, MID, batch, rrn[-6:], kind, amount_fen, "1", "", rrn, "", "00", state)
        return self.ledger.add(entry, at_us)

    def wait(self, until_us):
        while (next_us := self.funds.next_run_us(self.now_us)) <= until_us:
            self.now_us = next_us
            self.funds.run(next_us, self.knobs)

    def days(self, count):
        self.wait(count * US_PER_DAY)
        return [(each.state, each.at_us / US_PER_HOUR, each.amount_fen) for each in self.payouts]

    def net_fen(self):
        return self.ledger.net_fen_of_terminal(TID)

    def set(self, account=RIGHT, cycle="T+1"):
        return self.funds.configure(TID, Settings63(account, cycle), self.now_us)


@pytest.mark.parametrize(
    ("day", "business", "following"),
    [
        (date(2026, 3, 6), True, date(2026, 3, 9)),
        (date(2026, 2, 13), True, date(2026, 2, 14)),  # a Saturday on which banks work, before eleven days of holiday
        (date(2026, 2, 14), True, date(2026, 2, 24)),
        (date(2026, 2, 16), False, date(2026, 2, 24)),
        (date(2025, 9, 30), True, date(2025, 10, 9)),
        (date(2024, 4, 3), True, date(2024, 4, 7)),
    ],
)
def test_banks_work_when_the_state_council_said(day, business, following):
    assert is_business_day(day) is business
    assert next_business_day(day) == following


@pytest.mark.parametrize("day", [date(2023, 12, 31), date(2027, 1, 1)])
def test_holidays_that_nobody_has_announced_are_not_guessed(day):
    with pytest.raises(UsageError, match=r"the holidays of 202[37] are not known, those of 2024 to 2026 are"):
        is_business_day(day)


def test_t_plus_1_goes_over_the_weekend_and_the_cut_off():
    shop = Shop()
    for day, hour in ((0, 9), (0, 22.99), (0, 23), (1, 12), (2, 12), (3, 12)):
        shop.book(day, hour, 100)
    # Thursday's until 23:00 on Friday; Thursday night's, Friday's and the weekend's on Monday.
    assert shop.days(6) == [("paid", 34, 200), ("paid", 4 * 24 + 10, 400)]
    assert [each.due_us // US_PER_HOUR for each in shop.payouts] == [42, 4 * 24 + 18]


def test_d_plus_1_knows_no_weekend_and_d_plus_0_no_night():
    shop = Shop(cycle="D+1")
    shop.book(1, 12, 100)
    shop.book(2, 12, 200)
    assert shop.days(4) == [("paid", 58, 100), ("paid", 82, 200)]
    shop = Shop(cycle="D+0", same_day_fee_fen=30)
    for hour, amount_fen in ((7.5, 100), (9.2, 20), (9.7, 300), (22.5, 500)):
        shop.book(0, hour, amount_fen)
    assert shop.days(2) == [("paid", 8, 70), ("paid", 10, 290), ("paid", 32, 470)]


def test_refunds_voids_and_what_is_taken_back_later_come_off_the_next_payout():
    shop = Shop(cycle="D+1")
    taken_back = shop.book(0, 9, 1000)
    voided = shop.book(0, 10, 500)
    shop.ledger.move(voided, "VOIDED", shop.now_us, "void")
    shop.book(1, 12, 300, "refund")
    assert shop.days(2) == [("paid", 34, 1000)]
    shop.ledger.move(taken_back, "REVERSED", shop.now_us, "late reversal")
    assert shop.days(4) == [("paid", 34, 1000)], "nothing is paid while the merchant owes"
    shop.book(4, 9, 2000)
    assert shop.days(6)[-1] == ("paid", 5 * 24 + 10, 700)
    shop.book(6, 9, 50)
    assert shop.days(8)[-1] == ("paid", 7 * 24 + 10, 50), "what was taken back is done with"
    assert sum(each.amount_fen for each in shop.payouts) == shop.net_fen()


def test_terminal_capture_pays_what_was_settled():
    shop = Shop(cycle="D+1", only_settled=True)
    entry = shop.book(0, 9, 1000)
    assert shop.days(2) == []
    shop.ledger.move(entry, "SETTLED", shop.now_us, "batch")
    assert shop.days(3) == [("paid", 58, 1000)]


def test_no_account_no_money_until_it_is_set():
    shop = Shop(cycle="D+1", sets_account=True)
    shop.book(0, 9, 1000)
    assert shop.days(2) == [("held", 34, 1000)]
    wrong = account_of("104110000007001")
    assert is_well_formed(wrong) and is_well_formed(RIGHT) and not is_well_formed(RIGHT[:-1] + "x")
    assert [shop.set(*each)[0] for each in ((wrong, "D+1"), (RIGHT, "D+0"), (RIGHT, "7"), ("", "D+1"))] == [
        "42", "40", "40", "42",
    ]  # fmt: skip
    assert shop.set(RIGHT, "D+1") == ("00", Settings63(RIGHT, "D+1"))
    assert shop.days(3)[-1] == ("paid", 58, 1000)


def test_an_account_nobody_checked_bounces_and_is_told_until_it_is_right():
    shop = Shop(cycle="D+1", checks_settings=False, sets_account=True)
    assert shop.set(account_of("104110000007001"), "D+1")[0] == "00"
    shop.book(0, 9, 1000)
    assert shop.days(3) == [("bounced", 34, 1000), ("bounced", 58, 1000)]
    assert (told := shop.funds.tell(TID, "000001", shop.now_us)).state == "bounced" and told.amount_fen == 0
    shop.set(RIGHT, "D+1")
    shop.days(4)
    assert (told := shop.funds.tell(TID, "000001", shop.now_us)).state == "paid" and told.amount_fen == 1000
    assert shop.funds.tell(TID, "000007", shop.now_us).state == "none"


def test_a_large_payout_is_looked_at_and_paid_once():
    shop = Shop(cycle="D+1", large_fen=500, look_us=30 * US_PER_HOUR)
    shop.book(0, 9, 1000)
    shop.book(1, 9, 400)
    shop.wait(36 * US_PER_HOUR)
    assert shop.funds.tell(TID, "000001", shop.now_us).state == "held"
    assert shop.days(4) == [("held", 34, 1000), ("paid", 58, 400), ("paid", 64, 1000)]


def test_t_plus_1_cannot_be_had_where_holidays_are_not_known():
    shop = Shop(date(2027, 5, 1), cycle="D+1", checks_settings=False, knows_holidays=False)
    assert shop.set(RIGHT, "T+1")[0] == "40"
    shop.book(0, 9, 1000)
    assert shop.days(2) == [("paid", 34, 1000)]


BOOKINGS = st.lists(
    st.tuples(st.floats(0, 6 * 24), st.integers(1, 5000), st.sampled_from(("sale", "sale", "completion", "refund"))),
    max_size=12,
)


@settings(deadline=None, max_examples=80)
@given(BOOKINGS, st.sampled_from(("T+1", "D+1", "D+0")), st.sampled_from((None, 3000)), st.floats(0, 8 * 24))
def test_what_stands_is_paid_once_and_no_sooner(bookings, cycle, large_fen, stopped_until):
    shop = Shop(cycle=cycle, large_fen=large_fen)
    shop.knobs[TID].payouts_stopped_until_us = int(stopped_until * US_PER_HOUR)
    for hour, amount_fen, kind in sorted(bookings):
        shop.book(0, hour, amount_fen, kind)
    shop.book(14, 9, 100_000)  # more than whatever the merchant may owe
    shop.days(25)
    paid = [each for each in shop.payouts if each.state == "paid"]
    assert sum(each.amount_fen for each in paid) == shop.net_fen()
    parts = [number for each in paid for number, _ in each.parts]
    assert sorted(parts) == list(range(len(bookings) + 1)), "each of them once"
    for each in paid:
        assert all(shop.ledger.entry(number).since_us < each.at_us for number, _ in each.parts)
        assert each.at_us >= shop.knobs[TID].payouts_stopped_until_us


@pytest.mark.parametrize(
    ("text", "signed", "signed_on", "has_funds", "code"),
    [
        (f"{account_of(CLIENT_MID)}|D+1", True, True, True, "00"),
        (f"{account_of(CLIENT_MID)}|D+1", False, True, True, "A0"),
        (f"{account_of(CLIENT_MID)}|D+1", True, False, True, "77"),
        (f"{account_of(CLIENT_MID)}|D+1", True, True, False, "12"),
        ("8" * 40 + "|D+1", True, True, True, "30"),
        ("||", True, True, True, "30"),
        ("", True, True, True, "30"),
        ("|D+1", True, True, True, "42"),
    ],
)
def test_who_sets_the_account_must_be_known_and_signed(text, signed, signed_on, has_funds, code):
    acquirer, _, _ = make_host()
    if has_funds:
        acquirer.open_funds(FundsTerms(cycle="D+1"), sets_account=True)
    client = Client(acquirer)
    client.sign_on()
    mac = client.mac
    if not signed_on:
        acquirer.session(CLIENT_TID).signed_on = False
    fields = {11: "000077", 41: CLIENT_TID, 42: CLIENT_MID, 60: "00000001401", 63: text}
    request = Message("0800", {number: value for number, value in fields.items() if value})
    reply = acquirer.handle(unionpay.pack(request, mac if signed else None), 40 * US_PER_HOUR)
    answer = unionpay.unpack(reply.frame).message
    assert answer.text(39) == code
    if code == "00":
        assert answer.text(63) == f"*{account_of(CLIENT_MID)[-4:]}|D+1", "nobody is told the whole account"
        image = acquirer.image()
        acquirer.bank.funds.merchants[CLIENT_TID].account = "lost"
        acquirer.restore(image)
        assert acquirer.bank.funds.merchants[CLIENT_TID].account == account_of(CLIENT_MID)
