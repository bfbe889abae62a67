"""What must hold between a terminal, its host and the people in front of it, once everything is quiet."""

from __future__ import annotations

from collections.abc import Callable

from terminal_bench import PAN, Bench, PowerCut

from harness.contract import Outcome, Terminal


def trading(bench: Bench) -> None:
    """A short day with everything in it. Raises PowerCut wherever the bench says so."""
    bench.act("sign_on")
    first = bench.act("sale", 1_500)
    second = bench.act("sale", 2_500)
    bench.act("void", 2_500, second)
    bench.act("refund", 300, first)
    bench.knobs.drop_replies = 1
    bench.act("sale", 777)
    bench.idle(2)
    bench.act("settle")
    bench.act("sale", 4_000)


def hotel_day(bench: Bench) -> None:
    """A short day at a hotel desk, with a lost answer to each kind of request about a hold."""
    bench.act("sign_on")
    old = bench.act("preauth", 20_000)
    bench.act("settle")
    bench.act("completion", 22_000, old)
    hold = bench.act("preauth", 10_000)
    for kind, amount_fen in (("preauth", 500), ("completion", 9_000), ("preauth_void", 10_000)):
        bench.knobs.drop_replies = 1
        bench.act(kind, amount_fen, hold)
        bench.idle(2)
    done = bench.act("completion", 9_000, hold)
    bench.knobs.drop_replies = 1
    bench.act("completion_void", 9_000, done)
    bench.idle(2)
    bench.act("completion_void", 9_000, done)
    bench.act("preauth_void", 10_000, hold)
    bench.act("preauth", 3_000)


def run_with_cut(
    bench: Bench,
    kind: type[Terminal],
    at: int,
    unsynced: str,
    second_at: int | None = None,
    day: Callable[[Bench], None] = trading,
) -> bool:
    """The day, cut at the ``at``-th strike, and perhaps cut again while recovering. False when the day has no such strike."""

    def cut_at(number: int):
        def fail(_what: str, count: int) -> None:
            if count == number:
                raise PowerCut

        return fail

    bench.fail = cut_at(at)
    try:
        bench.boot(kind)
        day(bench)
    except PowerCut:
        bench.cut(unsynced)
    else:
        return False
    if second_at is not None:
        bench.fail = cut_at(second_at)
        try:
            bench.boot(kind)
            bench.idle()
        except PowerCut:
            bench.cut(unsynced)
    bench.fail = None
    bench.knobs.drop_replies = 0
    bench.boot(kind)
    bench.idle()
    return True


def disagreements(bench: Bench) -> list[str]:
    """At quiescence, before the settlement: host and terminal hold the same, and people know it."""
    found = []
    inspection = bench.inspect()
    if inspection.pending_reversals or inspection.settling:
        found.append(f"unfinished: {inspection.pending_reversals}, settling {inspection.settling}")
    held = {
        (e.batch, e.stan, e.kind, e.amount_fen) for e in bench.host.entries() if e.state in ("APPROVED", "COMPLETED")
    }
    held -= {each for each in held if each[0] != inspection.batch}
    logged = {(r.batch, r.stan, r.kind, r.amount_fen) for r in inspection.records if r.state == "active"}
    if held != logged:
        found.append(f"host only {sorted(held - logged)}, terminal only {sorted(logged - held)}")
    left = [e.stan for e in bench.host.open_entries(bench.terminal.device.tid) if e.batch != inspection.batch]
    if left:
        found.append(f"never settled: {left}")
    if inspection.damaged_records:
        found.append(f"{inspection.damaged_records} damaged")
    return found + _broken_promises(bench)


def _broken_promises(bench: Bench) -> list[str]:
    found = []
    entries = {(e.batch, e.stan): e for e in bench.host.entries()}
    shown = {(s.batch, s.stan) for s in bench.screens if s.kind == "approved"}
    for key in sorted(shown, key=str):
        entry = entries.get(key)
        if entry is None or entry.state in ("DECLINED", "REVERSED"):
            found.append(f"{key} was shown as approved and is {entry.state if entry else 'unknown'}")
    for key, entry in entries.items():
        if (
            entry.kind in ("sale", "completion")
            and entry.state not in ("DECLINED", "REVERSED", "VOIDED")
            and key not in shown
        ):
            found.append(f"{key} was charged and nobody was told")
    frames: dict[tuple[str, str], bytes] = {}
    for frame in bench.sent:
        header = bench.host.describe(frame)
        if header.mti in ("0100", "0200", "0220"):
            key = (header.batch, header.stan)
            if header.mti != "0220" and key in frames:
                found.append(f"trace number {key} was used twice")
            frames[key] = frame
    return found


def settle(bench: Bench) -> list[str]:
    """A settlement from quiescence, and what is wrong after it."""
    found = []
    before = bench.inspect().batch
    outcome: Outcome = bench.act("settle")
    if outcome.kind != "done":
        found.append(f"settlement {outcome.kind}: {outcome.reason}")
    after = bench.inspect()
    if int(after.batch or 0) != int(before or 0) + 1 or after.records:
        found.append(f"batch {before} -> {after.batch}, {len(after.records)} records left")
    if bench.host.batch_number(bench.terminal.device.tid) != after.batch:
        found.append("host and terminal are in different batches")
    for settlement in bench.host.settlements():
        slips = [r for r in bench.receipts if r.kind == "settlement" and r.batch == settlement.batch]
        totals = {(s.totals.debit_count, s.totals.debit_fen, s.totals.credit_count, s.totals.credit_fen) for s in slips}
        if not settlement.balanced or settlement.host_only or settlement.terminal_only:
            found.append(f"batch {settlement.batch} did not balance")
        if totals != {settlement.host_totals.as_tuple()}:
            found.append(f"batch {settlement.batch}: host {settlement.host_totals}, slips {totals}")
        if sum(not slip.duplicate for slip in slips) > 1:
            found.append(f"batch {settlement.batch}: two slips, neither marked as a duplicate")
    return found + _broken_promises(bench)


def secrets_on_disk(bench: Bench) -> list[str]:
    """Files in which the card number or track data can be read."""
    files = [path for path in bench.directory.rglob("*") if path.is_file()]
    return [path.name for path in files if PAN.encode() in path.read_bytes() or b"=3012201" in path.read_bytes()]
