"""Scenarios of the bench about holds, parts of a price, orders and payouts: each gives what is wrong."""

import pytest
from scenario_steps import start
from terminal_bench import TID, PowerCut
from terminal_judge import disagreements, settle

from harness.core.units import US_PER_DAY, US_PER_HOUR
from harness.host.funds import FundsTerms
from harness.host.holds import Rules


def charged_in_part(make_bench, load_kind):
    """A card that is good for half, and what the host took for it although nobody was told."""
    bench = make_bench(part=lambda _token, amount_fen: amount_fen // 2)
    start(bench, load_kind())
    bench.act("sale", 200)
    bench.idle()
    return disagreements(bench)


def hotel_desk(make_bench, load_kind):
    """Two guests; slips are completed again, after a void, and above the hold, at a host that books what it is sent."""
    bench = make_bench(rules=Rules(completions_trusted=True))
    start(bench, load_kind())
    first, second = bench.act("preauth", 10_000), bench.act("preauth", 8_000)
    held = sum(each.amount_fen for each in bench.host.open_entries(bench.terminal.device.tid))
    found = [f"{held} fen taken at check-in"] if held else []
    bench.act("completion", 15_000, first, 10_000)
    bench.act("completion", 9_000, first, 10_000)
    bench.act("completion", 9_000, first, 10_000)
    bench.act("preauth_void", 8_000, second)
    bench.act("completion", 8_000, second, 8_000)
    taken = [each.amount_fen for each in bench.host.entries() if (each.kind, each.state) == ("completion", "APPROVED")]
    found += [] if taken == [9_000] else [f"completed with {taken}"]
    return found + disagreements(bench) + settle(bench)


def part_of_the_price(make_bench, load_kind):
    """A card that is good for half."""
    bench = make_bench(part=lambda _token, amount_fen: amount_fen // 2)
    start(bench, load_kind(), 200)
    return disagreements(bench) + settle(bench)


def customer_confirms(bench, after_s):
    """The next customer who pays by code has to confirm on the phone."""
    bench.knobs.confirmations, bench.knobs.confirmed_after_us = 1, int(after_s * 1_000_000)


def order_unread(make_bench, load_kind):
    """An order is lost on its way to the host."""
    bench = make_bench()
    start(bench, load_kind(), 100)
    bench.knobs.ignore_requests = 1
    bench.act("scan_sale", 200)
    bench.idle()
    return disagreements(bench)


def orders_around_a_restart(make_bench, load_kind):
    """One customer pays by code before, another after a restart."""
    bench = make_bench()
    start(bench, load_kind())
    assert bench.act("scan_sale", 100).kind == "approved"
    bench.cut("lost")
    start(bench, load_kind())
    bench.act("scan_sale", 200)
    return disagreements(bench) + settle(bench)


def order_cut(make_bench, load_kind):
    """Power is lost while the customer looks for the phone's password."""
    bench = make_bench()
    start(bench, load_kind(), 100)
    customer_confirms(bench, after_s=6)

    def fail(what, _place):
        if what == "sent":
            raise PowerCut

    bench.fail = fail
    with pytest.raises(PowerCut):
        bench.act("scan_sale", 200)
    bench.fail = None
    bench.cut("lost")
    bench.pass_time(30)
    start(bench, load_kind())
    bench.idle()
    return disagreements(bench) + settle(bench)


def slow_customer(make_bench, load_kind):
    """The customer confirms after half a minute."""
    bench = make_bench()
    start(bench, load_kind(), 100)
    customer_confirms(bench, after_s=30)
    bench.act("scan_sale", 200)
    bench.pass_time(60)
    bench.idle()
    return disagreements(bench)


def order_answers_lost(make_bench, load_kind):
    """Answers to an order are lost, at an acquirer that charges a code as often as it is asked to."""
    bench = make_bench(rules=Rules(codes_trusted=True))
    start(bench, load_kind())
    bench.knobs.drop_replies = 3
    bench.act("scan_sale", 200)
    bench.idle()
    return disagreements(bench)


def money_desk(make_bench, load_kind):
    """An account set, refused and set anew; money that is not there yet, that came back, and that has come."""
    bench = make_bench()
    funds = bench.host.open_funds(FundsTerms(cycle="D+0", checks_settings=False), sets_account=True)
    money = funds.merchants[TID]
    start(bench, load_kind())
    found = []
    if bench.act("account", account=money.true_account, cycle="W+1").kind == "done":
        found.append("said to be set, and refused")
    bench.act("account", account=money.true_account, cycle="D+0")
    if (money.account, money.cycle) != (money.true_account, "D+0"):
        found.append(f"set as {money.cycle}")
    bench.act("sale", 300)
    bench.act("settle")
    bench.act("payout")
    found += ["shown before it came" for screen in bench.screens if screen.kind == "paid_out"]
    bench.knobs.account_mistyped_until_us = 1 << 60
    bench.host.run_funds(2 * US_PER_DAY - 2 * US_PER_HOUR)
    if bench.act("payout").kind == "done":
        found.append("nobody was told that it came back")
    bench.knobs.account_mistyped_until_us = 0
    bench.host.run_funds(3 * US_PER_DAY - 2 * US_PER_HOUR)
    bench.act("payout")
    shown = [(screen.batch, screen.amount_fen) for screen in bench.screens if screen.kind == "paid_out"]
    return found + ([] if shown == [("000001", 300)] else [f"shown as {shown}"])


DESK_SCENARIOS = {
    "completes_twice": hotel_desk,
    "completes_above": hotel_desk,
    "completes_voided": hotel_desk,
    "hold_as_sale": hotel_desk,
    "holds_settled": hotel_desk,
    "partial_as_whole": part_of_the_price,
    "partial_declined": charged_in_part,
    "order_assumed_paid": order_unread,
    "order_number_reused": orders_around_a_restart,
    "order_forgotten": order_cut,
    "order_never_revoked": slow_customer,
    "orders_sent_again": order_answers_lost,
    "refusal_hidden": money_desk,
    "cycle_left_as_is": money_desk,
    "paid_by_calendar": money_desk,
    "payout_of_another_batch": money_desk,
    "bounce_as_pending": money_desk,
}
