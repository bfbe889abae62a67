"""Scenarios of the bench about power cuts, lost and wrong answers, and sales in doubt: each gives what is wrong."""

from scenario_steps import start, still_taken
from terminal_judge import disagreements, run_with_cut, settle


def cut_everywhere(make_bench, load_kind):
    """All that is found wrong over cuts at every strike, including a terminal that does not start."""
    found = []
    for unsynced in ("torn", "lost", "kept"):
        at = 5
        while True:
            at += 1
            bench = make_bench()
            try:
                if not run_with_cut(bench, load_kind(), at, unsynced):
                    break
                found += disagreements(bench)
                found += settle(bench)
            except Exception as error:
                found.append(f"died: {error!r}")
            if len(found) > 3:
                return found
    return found


def power_cut(make_bench, load_kind):
    """Power is lost while the terminal rests."""
    bench = make_bench()
    start(bench, load_kind(), 100, 200)
    bench.cut("lost")
    start(bench, load_kind())
    bench.idle()
    found = disagreements(bench)
    bench.act("sale", 300)
    bench.idle()
    return found + disagreements(bench)


def wrapped_and_restarted(make_bench, load_kind):
    """The trace number passes 999999, and the terminal is restarted behind it."""
    bench = make_bench()
    bench.boot(load_kind())
    assert bench.act("trace_number", trace_number="999998").kind == "done"
    start(bench, load_kind(), 100, 100)
    bench.boot(load_kind())
    again = bench.act("sale", 200)
    return [] if (again.kind, again.stan) == ("approved", "000002") else [again]


def answer_lost(make_bench, load_kind):
    """A sale's answer is lost, and for a while the reversal's too."""
    bench = make_bench()
    start(bench, load_kind(), 100)
    bench.knobs.drop_replies = 1
    bench.act("sale", 200)
    bench.knobs.ignore_requests = 2
    bench.idle()
    found = disagreements(bench)
    taken = sum(
        entry.amount_fen for entry in bench.host.entries() if entry.stan > "000002" and entry.state == "APPROVED"
    )
    return found + ([f"{taken} fen taken for a purchase without an answer"] if taken else [])


def asked_again(make_bench, load_kind):
    """One purchase, one lost answer: how often was it charged?"""
    bench = make_bench()
    start(bench, load_kind())
    bench.knobs.drop_replies = 1
    bench.act("sale", 200)
    bench.idle()
    taken = sum(entry.amount_fen for entry in bench.host.entries() if entry.state == "APPROVED")
    return [f"charged {taken} fen"] if taken > 200 else []


def in_doubt(make_bench, load_kind):
    """A sale whose answer was lost."""
    bench = make_bench()
    start(bench, load_kind(), 100)
    bench.knobs.drop_replies = 1
    assert bench.act("sale", 200).kind == "unknown"
    return bench


def reversal_unanswered(make_bench, load_kind):
    """A sale in doubt, and a host that is silent for a while."""
    bench = in_doubt(make_bench, load_kind)
    bench.knobs.ignore_requests = 3
    bench.act("sale", 300)
    return still_taken(bench)


def reversal_answered_96(make_bench, load_kind):
    """A sale in doubt, and a host in trouble."""
    bench = in_doubt(make_bench, load_kind)
    bench.knobs.respond_code, bench.knobs.respond_count = "96", 1
    return still_taken(bench)


def cache_cleared(make_bench, load_kind):
    """A sale in doubt, and somebody clears the cache."""
    bench = in_doubt(make_bench, load_kind)
    bench.act("clear_cache")
    return still_taken(bench)


def asked_in_doubt(make_bench, load_kind, kind, mti):
    """A sale in doubt, and a host that is silent for a while: is anything new asked of it?"""
    bench = in_doubt(make_bench, load_kind)
    bench.knobs.ignore_requests = 3
    bench.sent.clear()
    bench.act(kind, 300)
    return [header.stan for frame in bench.sent if (header := bench.host.describe(frame)).mti == mti]


def sold_in_doubt(make_bench, load_kind):
    """A sale in doubt, and a host that is silent for a while: is anything sold?"""
    return asked_in_doubt(make_bench, load_kind, "sale", "0200")


def settled_in_doubt(make_bench, load_kind):
    """A sale in doubt, and a host that is silent for a while: is a settlement begun?"""
    return asked_in_doubt(make_bench, load_kind, "settle", "0500")


def wrong_mac(make_bench, load_kind):
    """An approval with a wrong MAC."""
    bench = make_bench()
    start(bench, load_kind())
    bench.knobs.wrong_macs = 1
    return ["believed"] if bench.act("sale", 200).kind == "approved" else []


def reply_of_another(make_bench, load_kind):
    """An approval of another amount."""
    bench = make_bench()
    start(bench, load_kind())
    bench.knobs.mismatched_replies, bench.knobs.mismatched_field = 1, "amount"
    return ["believed"] if bench.act("sale", 200).kind == "approved" else []


def late_reply(make_bench, load_kind):
    """The answer to a sale comes when its reversal is asked for."""
    bench = make_bench()
    start(bench, load_kind())
    bench.knobs.held_replies = 1
    bench.act("sale", 200)
    bench.idle()
    return ["believed"] if bench.screens[-1].kind == "approved" else []


def keyed_in_again(make_bench, load_kind):
    """A paid sale is keyed in once more, with the same card."""
    bench = make_bench()
    kind = load_kind()
    start(bench, kind, 100)
    if kind.manifest.duplicate_window_s is None:
        return []
    return [] if bench.act("sale", 100).reason == "duplicate" else ["charged twice"]


DOUBT_SCENARIOS = {
    "no_fsync": cut_everywhere,
    "reversal_dropped": answer_lost,
    "resend_as_new": asked_again,
    "reverse_after_commit": cut_everywhere,
    "stan_in_ram": power_cut,
    "stan_by_size": wrapped_and_restarted,
    "torn_parsed": cut_everywhere,
    "never_resent": answer_lost,
    "boot_loop": cut_everywhere,
    "log_in_ram": power_cut,
    "silent_charge": answer_lost,
    "reversal_after_send": cut_everywhere,
    "reversal_in_ram": cut_everywhere,
    "cleared_on_arrival": cut_everywhere,
    "reversal_given_up": reversal_unanswered,
    "any_answer_clears": reversal_answered_96,
    "cleared_by_menu": cache_cleared,
    "sells_in_doubt": sold_in_doubt,
    "settles_in_doubt": settled_in_doubt,
    "mac_unchecked": wrong_mac,
    "any_reply_taken": reply_of_another,
    "late_reply_taken": late_reply,
    "guard_by_track": keyed_in_again,
}
