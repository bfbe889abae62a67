"""Scenarios of the bench about batches, totals, voids and refunds: each gives what is wrong."""

import pytest
from scenario_steps import start, unproven, wrong_batch
from terminal_bench import PowerCut
from terminal_judge import settle


def totals_differ(make_bench, load_kind):
    """The host says that totals differ."""
    bench = make_bench()
    start(bench, load_kind(), 100, 200)
    bench.knobs.totals_off_by_one = 1
    before = bench.inspect().batch
    bench.act("settle")
    return unproven(bench, before)


def settlement_unanswered(make_bench, load_kind):
    """No settlement request reaches the host for a while."""
    bench = make_bench()
    start(bench, load_kind(), 100, 200)
    before = bench.inspect().batch
    bench.knobs.ignore_requests = 3
    bench.act("settle")
    return unproven(bench, before)


def settlement_answer_lost(make_bench, load_kind):
    """The settlement took effect and its answer is lost."""
    bench = make_bench()
    start(bench, load_kind(), 100, 200)
    bench.knobs.drop_replies = 1
    bench.act("settle")
    bench.act("settle")
    found = [
        f"batch {each.batch} claims {each.terminal_only}" for each in bench.host.settlements() if each.terminal_only
    ]
    slips = {receipt.batch for receipt in bench.receipts if receipt.kind == "settlement"}
    return found + ([f"slips {slips}"] if slips != {"000001"} else [])


def settlement_half_done(make_bench, load_kind):
    """The answer to a settlement is lost, then a customer comes: is money asked for?"""
    bench = make_bench()
    start(bench, load_kind(), 100, 200)
    bench.knobs.totals_off_by_one = bench.knobs.drop_replies = 1
    bench.act("settle")
    outcome = bench.act("sale", 300)
    return [] if outcome.kind == "refused" else [outcome.reason]


def settled_once(make_bench, load_kind):
    """One settlement, then a sale: its batch is the host's next."""
    bench = make_bench()
    start(bench, load_kind(), 100)
    assert bench.act("settle").kind == "done"
    return wrong_batch(bench)


def cut_in_settlements(make_bench, load_kind):
    """Power goes at each strike of a settlement; then it is begun again, if it has to be."""
    at = 0
    while True:
        at += 1
        bench = make_bench()
        start(bench, load_kind(), 100)
        bench.calls.clear()

        def cut(_, count, at=at):
            if count == at:
                raise PowerCut

        bench.fail = cut
        try:
            bench.act("settle")
            return []
        except PowerCut:
            bench.fail = None
            bench.cut("kept")
        bench.boot(load_kind())
        if bench.inspect().batch == "000001":
            bench.act("settle")
        if found := wrong_batch(bench):
            return found


def given_back(make_bench, load_kind, *steps):
    """A sale of 12.34 and what is then asked for: the entries that the host was asked to book for it, but for right ones."""
    bench = make_bench()
    bench.boot(load_kind())
    bench.act("sign_on")
    sale = bench.act("sale", 1_234)
    for step in steps:
        bench.act(step, 1_234, None if step == "settle" else sale)
    asked = [(entry.kind, entry.amount_fen) for entry in bench.host.entries() if entry.kind != "sale"]
    return [
        each
        for place, each in enumerate(asked)
        if each[1] != 1_234 or place or ("settle" in steps and each[0] == "void")
    ]


def voided(make_bench, load_kind):
    """A void."""
    return given_back(make_bench, load_kind, "void")


def voided_again(make_bench, load_kind):
    """A void, and once more."""
    return given_back(make_bench, load_kind, "void", "void")


def voided_when_settled(make_bench, load_kind):
    """A void after the settlement."""
    return given_back(make_bench, load_kind, "settle", "void")


def refunded(make_bench, load_kind):
    """A refund after the settlement."""
    return given_back(make_bench, load_kind, "settle", "refund")


def refunded_again(make_bench, load_kind):
    """A refund of a sale that is not settled, and once more."""
    return given_back(make_bench, load_kind, "refund", "refund")


def void_unanswered(make_bench, load_kind):
    """A void that never reaches the host: the sale is settled all the same."""
    bench = make_bench()
    start(bench, load_kind())
    sale = bench.act("sale", 1_234)
    bench.knobs.ignore_requests = 1
    bench.act("void", 0, sale)
    return settle(bench)


def cut_before_the_totals(make_bench, load_kind):
    """Power is lost while the approval is on the screen."""
    bench = make_bench()
    start(bench, load_kind(), 100)

    def fail(what, _place):
        if what == "printed":
            raise PowerCut

    bench.fail = fail
    with pytest.raises(PowerCut):
        bench.act("sale", 200)
    bench.fail = None
    bench.cut("lost")
    start(bench, load_kind())
    found = bench.inspect()
    held = sum(each.amount_fen for each in found.records)
    return [] if found.totals[1] == held else [f"totals {found.totals}, log {held}"]


def signed_off_in_trade(make_bench, load_kind):
    """Somebody signs it off with a sale in the log."""
    bench = make_bench()
    start(bench, load_kind(), 100)
    early = bench.act("sign_off")
    assert bench.act("settle").kind == "done" and bench.act("sign_off").kind == "done"
    return [] if early.kind == "refused" else [early]


def cut_before_the_screen(make_bench, load_kind):
    """Power is lost when the approval is durable and not on the screen yet; then the batch is settled."""
    bench = make_bench()
    start(bench, load_kind(), 100)
    calls = []

    def fail(what, _place):
        calls.append(what)
        if what == "show" and "receive" in calls:
            raise PowerCut

    bench.fail = fail
    with pytest.raises(PowerCut):
        bench.act("sale", 200)
    bench.fail = None
    bench.cut("lost")
    start(bench, load_kind())
    bench.act("settle")
    (settlement,) = bench.host.settlements()
    return [] if settlement.balanced else ["totals differ"]


def differs_twice(make_bench, load_kind):
    """The host says that totals differ, and after the upload it still does."""
    kind = load_kind()
    bench = make_bench(dialect=kind.manifest.dialect)
    start(bench, kind, 100, 200)
    bench.knobs.totals_off_by_one = 2
    before = bench.inspect().batch
    bench.act("settle")
    return unproven(bench, before)


def support_in_a_settlement(make_bench, load_kind):
    """The settlement's answer is lost, and support clears what there is to clear."""
    bench = make_bench()
    start(bench, load_kind(), 100)
    bench.knobs.drop_replies = 1
    bench.act("settle")
    bench.act("clear_reversal")
    return [] if bench.inspect().records else ["log cleared"]


BATCH_SCENARIOS = {
    "second_95": differs_twice,
    "clear_unbalanced": totals_differ,
    "clear_on_timeout": settlement_unanswered,
    "settle_twice": settlement_answer_lost,
    "sells_while_settling": settlement_half_done,
    "void_again": voided_again,
    "void_in_part": voided,
    "void_settled": voided_when_settled,
    "void_drops_sale": void_unanswered,
    "refund_with_fee": refunded,
    "refund_unlimited": refunded_again,
    "batch_twice": cut_in_settlements,
    "batch_stays": settled_once,
    "signs_off_unsettled": signed_off_in_trade,
    "counted_again": cut_before_the_screen,
    "totals_apart": cut_before_the_totals,
    "clears_too_much": support_in_a_settlement,
}
