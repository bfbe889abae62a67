"""Scenarios of the bench about settlement, slips and what cannot be written: each gives what is wrong."""

from scenario_steps import start
from terminal_bench import PowerCut
from terminal_judge import disagreements


def without_paper(make_bench, load_kind):
    """No paper for the settlement slip; a roll is put in, and it is settled again."""
    bench = make_bench()
    start(bench, load_kind(), 100, 200)
    bench.paper = False
    bench.act("settle")
    bench.paper = True
    bench.act("settle")
    bench.idle()
    return ["the batch is still open"] if bench.inspect().batch == "000001" else []


def upload_unanswered(make_bench, load_kind):
    """Totals differ, and the host is gone before the upload."""
    bench = make_bench()
    start(bench, load_kind(), 100, 200)
    bench.knobs.totals_off_by_one = 1

    def lose_the_first_upload(what, _):
        if what == "send" and bench.host.settlements() == [] and bench.knobs.struck["totals_off_by_one"]:
            bench.fail = None
            bench.knobs.ignore_requests = 1

    bench.fail = lose_the_first_upload
    bench.act("settle")
    bench.act("settle")
    return [f"batch {each.batch} without {each.host_only}" for each in bench.host.settlements() if each.host_only]


def said_settled(make_bench, load_kind):
    """Settled, says the screen: does the host say so, too?"""
    bench = make_bench()
    start(bench, load_kind(), 100, 200)
    done = bench.act("settle").kind == "done"
    return ["said settled, closed by nobody"] if done and not bench.host.settlements() else []


def damaged_record(make_bench, load_kind):
    """One record of the open batch cannot be read any more when the batch is settled."""
    bench = make_bench()
    start(bench, load_kind(), 100, 200)
    path = bench.directory / "data" / "journal.0"
    content = bytearray(path.read_bytes())
    content[content.rindex(b"\x1f100\x1f") + 3] ^= 1
    path.write_bytes(content)
    outcomes = [bench.act("settle").kind for _ in range(3)]
    return [] if "done" in outcomes else [f"never settled: {outcomes}"]


def approval_not_writable(make_bench, load_kind):
    """The volume refuses every write from the answer on, for a while."""
    bench = make_bench()
    start(bench, load_kind(), 100)

    def refuse(what, _):
        if what == "write" and "receive" in bench.calls:
            raise OSError(30, "Read-only file system")

    bench.calls.clear()
    bench.fail = refuse
    outcome = bench.act("sale", 200)
    bench.fail = None
    assert outcome.kind != "approved"
    bench.idle()
    return disagreements(bench)


def cut_behind_the_screen(make_bench, load_kind):
    """Power goes when the customer has just been told."""
    bench = make_bench()
    start(bench, load_kind(), 100)

    def cut(what, _):
        if what == "print":
            raise PowerCut

    bench.fail = cut
    try:
        bench.act("sale", 200)
    except PowerCut:
        pass
    bench.fail = None
    bench.cut("lost")
    bench.boot(load_kind())
    bench.idle()
    return disagreements(bench)


def old_numbers(make_bench, load_kind):
    """A blank device under the same terminal number, in a batch that has some numbers already."""
    bench = make_bench()
    start(bench, load_kind(), 100, 200)
    for path in (bench.directory / "data").iterdir():
        path.unlink()
    bench.memory[:] = bytes(len(bench.memory))
    bench.boot(load_kind())
    bench.act("sign_on")
    outcomes = [bench.act("sale", 300) for _ in range(4)]
    taken = {entry.stan for entry in bench.host.entries() if entry.amount_fen == 300}
    return [f"approved {each.stan}" for each in outcomes if each.kind == "approved" and each.stan not in taken]


def fifty_sales(make_bench, load_kind):
    """More sales than some would keep."""
    bench = make_bench()
    start(bench, load_kind(), *[100] * 50)
    return disagreements(bench)


def slip_and_host(make_bench, load_kind):
    """The settlement slip has what the host has settled."""
    bench = make_bench()
    start(bench, load_kind(), 100)
    bench.act("void", 0, bench.act("sale", 200))
    bench.act("settle")
    (settlement,) = bench.host.settlements()
    (slip,) = [each.totals for each in bench.receipts if each.kind == "settlement"]
    said = (slip.debit_count, slip.debit_fen, slip.credit_count, slip.credit_fen)
    return [] if said == settlement.host_totals.as_tuple() else [f"slip {said}"]


def twelve_sales(make_bench, load_kind):
    """A dozen sales on a terminal with room for hundreds."""
    bench = make_bench()
    start(bench, load_kind(), *[100] * 12)
    return ["said full"] if any(each.kind == "storage_full" for each in bench.screens) else []


def read_and_taken(make_bench, load_kind):
    """What the customer reads on the screen is what the host has."""
    bench = make_bench()
    start(bench, load_kind(), 1_200)
    shown = [each.amount_fen for each in bench.screens if each.kind == "approved"]
    return [] if shown == [1_200] else [f"read {shown}"]


SETTLING_SCENARIOS = {
    "tenth_shown": read_and_taken,
    "paper_blocks": without_paper,
    "forced_success": upload_unanswered,
    "host_closes": said_settled,
    "one_record_blocks": damaged_record,
    "file_error": approval_not_writable,
    "shown_first": cut_behind_the_screen,
    "duplicate_approved": old_numbers,
    "capped_log": fifty_sales,
    "slip_counts_voids": slip_and_host,
    "full_cried": twelve_sales,
}
