"""Scenarios of the bench about room, memory, damaged records and what may not be kept: each gives what is wrong."""

import time
import tracemalloc
from contextlib import redirect_stdout
from hashlib import sha256
from io import StringIO

from scenario_steps import small_volume, start
from terminal_bench import PAN, PowerCut
from terminal_judge import disagreements, settle


def full_volume(make_bench, load_kind):
    """The volume is full to the last byte, and settlement is asked for."""
    bench = make_bench()
    with small_volume(bench.directory / "data", size_bytes=65_536):
        start(bench, load_kind())
        while bench.act("sale", 100).kind == "approved":
            pass
        assert bench.screens[-1].kind == "storage_full"
        found = settle(bench)
        return found + ([] if bench.act("sale", 100).kind == "approved" else ["still full"])


def second_volume_full(make_bench, load_kind):
    """The volume with the records is full, and another one is empty."""
    bench = make_bench()
    card = bench.directory / "card"
    card.mkdir()
    volumes = {"card": str(card), **bench.volumes()}
    bench.volumes = lambda: volumes
    with small_volume(bench.directory / "data", size_bytes=65_536):
        start(bench, load_kind())
        while bench.act("sale", 100).kind == "approved":
            pass
        return settle(bench)


def clock_ahead(make_bench, load_kind):
    """The terminal starts again with a clock that is months ahead of the host's, which says January."""
    bench = make_bench()
    start(bench, load_kind(), 100, 200)
    real = time.localtime
    june = time.struct_time((2026, 6, 15, 12, 0, 0, 0, 166, 0))
    time.localtime = lambda *at: real(*at) if at else june
    try:
        start(bench, load_kind())
    finally:
        time.localtime = real
    return disagreements(bench) + settle(bench)


def growth(make_bench, load_kind):
    """Memory after 40 and after 340 sales."""
    bench = make_bench()
    start(bench, load_kind(), *[100] * 40)
    tracemalloc.start()
    for _ in range(300):
        bench.sent.clear()
        bench.screens.clear()
        bench.receipts.clear()
        bench.calls.clear()
        bench.host.bank.ledger.state.entries[:-1] = []
        bench.act("sale", 100)
    kept = tracemalloc.take_snapshot().statistics("filename")
    tracemalloc.stop()
    grown = sum(
        each.size for each in kept if "/terminals/" in str(each.traceback) or "/iso8583/" in str(each.traceback)
    )
    return [f"{grown} bytes kept"] if grown > 100_000 else []


def searched(make_bench, load_kind):
    """Two sales and a lost answer; then all that the device keeps, printed or said is searched for the card."""
    bench = make_bench()
    said = StringIO()
    with redirect_stdout(said):
        start(bench, load_kind(), 100, 200)
        bench.knobs.drop_replies = 1
        bench.act("sale", 300)
    kept = b"".join(path.read_bytes() for path in sorted(bench.directory.rglob("*")) if path.is_file())
    told = " ".join(each.text for each in (*bench.screens, *bench.receipts)).replace(" ", "") + said.getvalue()
    block = bench.pin_pad.pin_block(PAN).hex()
    secrets = {"card number": PAN, "PIN block": block, "hash": sha256(PAN.encode()).hexdigest()}
    return [name for name, secret in secrets.items() if secret.encode() in kept + told.encode()]


def full_while_trading(make_bench, load_kind):
    """The volume takes no further byte, and people go on buying."""
    bench = make_bench()
    start(bench, load_kind(), 100)
    bench.quota_bytes = 0
    outcomes = [bench.act("sale", 100) for _ in range(200)]
    return [
        f"sent, and then {each.kind} {each.reason}" for each in outcomes if each.kind not in ("approved", "refused")
    ]


def bit_flipped(make_bench, load_kind):
    """The last bit of an approved amount, 1.00, flips; then the batch is settled."""
    bench = make_bench()
    start(bench, load_kind(), 100, 200)
    path = bench.directory / "data" / "journal.0"
    content = bytearray(path.read_bytes())
    place = content.rindex(b"\x1f100\x1f") + 3
    content[place] ^= 1
    path.write_bytes(content)
    bench.act("settle")
    (settlement,) = bench.host.settlements()
    said = " ".join(each.text for each in (*bench.screens, *bench.receipts))
    found = [f"uploaded {stan} wrong" for stan in settlement.terminal_only]
    return found + ([] if "NOT BALANCED" in said and "DIFFERED" in said else ["said nothing"])


def bit_flipped_and_restarted(make_bench, load_kind):
    """A bit of the first of three approvals flips; the terminal is restarted, and the other two are whole."""
    bench = make_bench()
    start(bench, load_kind(), 100, 200, 300)
    path = bench.directory / "data" / "journal.0"
    content = bytearray(path.read_bytes())
    content[content.rindex(b"\x1f100\x1f") + 3] ^= 1
    path.write_bytes(content)
    bench.boot(load_kind())
    kept = {each.amount_fen for each in bench.inspect().records}
    return [] if {200, 300} <= kept else [f"kept {sorted(kept)}"]


def started_again_and_again(make_bench, load_kind):
    """It is started six times with a sale in its log, as what is killed again and again is."""
    bench = make_bench()
    start(bench, load_kind(), 100)
    for _ in range(6):
        bench.boot(load_kind())
    return [] if [each.amount_fen for each in bench.inspect().records] == [100] else ["the sale is gone"]


def many_sales(make_bench, load_kind):
    """How often it goes to sleep over twenty sales."""
    bench = make_bench()
    slept = []
    bench._sleep = slept.append
    start(bench, load_kind(), *[100] * 20)
    return [f"slept {len(slept)} times"] if len(slept) > 20 else []


def spooled(make_bench, load_kind):
    """What is in the files while the request is on its way."""
    bench = make_bench()
    seen = []

    def look(what, _place):
        if what == "send":
            seen.extend(
                path.name
                for path in bench.directory.rglob("*")
                if path.is_file() and f"{PAN}=".encode() in path.read_bytes()
            )

    bench.fail = look
    start(bench, load_kind(), 100)
    return seen


def over_the_limit(make_bench, load_kind):
    """More sales than the terminal says it takes, as far as a bench has the patience."""
    bench = make_bench()
    kind = load_kind()
    start(bench, kind)
    taken = sum(bench.act("sale", 100).kind == "approved" for _ in range(8))
    return ["above its limit"] if taken > kind.manifest.max_transactions else []


def plenty_of_room(make_bench, load_kind):
    """One sale on an empty volume of a megabyte."""
    bench = make_bench()
    with small_volume(bench.directory / "data", size_bytes=1 << 20):
        bench.boot(load_kind())
        bench.act("sign_on")
        bench.act("sale", 100)
    return [screen.text for screen in bench.screens if screen.kind == "storage_full"]


def log_printed(make_bench, load_kind):
    """Two sales, and somebody has the event log printed."""
    bench = make_bench()
    kind = load_kind()
    start(bench, kind, 100, 200)
    if "read_log" in kind.manifest.actions:
        assert bench.act("read_log").kind == "done"
        assert "000002" in bench.receipts[-1].text
    return [each.text for each in bench.receipts if PAN in each.text]


def cut_in_moves(make_bench, load_kind):
    """Power goes at each strike of the sale with which older records move for the second time; then the batch is settled."""
    at = 0
    while True:
        at += 1
        bench = make_bench()
        start(bench, load_kind(), *[100] * 44)
        bench.calls.clear()

        def cut(what, count, at=at):
            if count == at:
                raise PowerCut
            if what == "send":
                raise StopIteration  # the move is over

        bench.fail = cut
        try:
            bench.act("sale", 100)
        except PowerCut:
            bench.fail = None
            bench.cut("torn" if at % 2 else "lost")
            bench.boot(load_kind())
            if found := settle(bench):
                return found
        except StopIteration:
            return []


STORAGE_SCENARIOS = {
    "report_first": full_volume,
    "reports_to_b": second_volume_full,
    "purged_by_age": clock_ahead,
    "leak": growth,
    "resets_after_deaths": started_again_and_again,
    "track_kept": searched,
    "track_in_spool": spooled,
    "pin_in_reversal": searched,
    "card_in_log": searched,
    "card_on_slip": searched,
    "crash_dump": searched,
    "hashed_cards": searched,
    "searches_the_log": many_sales,
    "crc_unchecked": bit_flipped,
    "damage_unsaid": bit_flipped,
    "begins_anew": bit_flipped_and_restarted,
    "blind_admission": full_while_trading,
    "over_limit_warns": over_the_limit,
    "units_mixed_up": plenty_of_room,
    "log_deciphered": log_printed,
    "moved_too_soon": cut_in_moves,
    "packed_in_place": cut_in_moves,
}
