"""Each mutant does the harm it is named for, in a scenario that the reference terminal passes unharmed."""

import os
import subprocess
import time
import tracemalloc
from contextlib import contextmanager, redirect_stdout
from hashlib import sha256
from importlib import import_module, reload
from io import StringIO

import pytest
from chip_scenarios import CHIP_SCENARIOS
from settling_scenarios import SETTLING_SCENARIOS
from terminal_bench import PAN, TID, PowerCut
from terminal_judge import disagreements, run_with_cut, settle

from harness.core.units import US_PER_DAY, US_PER_HOUR
from harness.host.funds import FundsTerms
from harness.host.holds import Rules
from harness.terminals.catalogue import CATALOGUE
from harness.terminals.reference import ReferenceTerminal


def load(name):
    """As after power on: what a module held is gone."""
    module_name, _, class_name = CATALOGUE[name].spec.partition(":")
    return getattr(reload(import_module(module_name)), class_name)


def start(bench, kind, *amounts):
    bench.boot(kind)
    assert bench.act("sign_on").kind == "done"
    for amount in amounts:
        assert bench.act("sale", amount).kind == "approved"


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


def unproven(bench, before):
    closed = {settlement.batch for settlement in bench.host.settlements()}
    after = bench.inspect()
    return ["cleared without proof"] if after.batch != before and before not in closed else []


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


def in_doubt(make_bench, load_kind):
    """A sale whose answer was lost."""
    bench = make_bench()
    start(bench, load_kind(), 100)
    bench.knobs.drop_replies = 1
    assert bench.act("sale", 200).kind == "unknown"
    return bench


def still_taken(bench):
    """What the host took for the sale in doubt, once there is nothing left to do."""
    bench.idle()
    bench.act("sale", 300)
    taken = [entry for entry in bench.host.entries() if entry.stan == "000003" and entry.state == "APPROVED"]
    return [f"{entry.amount_fen} fen taken" for entry in taken]


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


def settled_once(make_bench, load_kind):
    """One settlement, then a sale: its batch is the host's next."""
    bench = make_bench()
    start(bench, load_kind(), 100)
    assert bench.act("settle").kind == "done"
    return wrong_batch(bench)


def wrong_batch(bench):
    batch = bench.inspect().batch
    return [] if batch == bench.host.batch_number(TID) else [f"batch {batch}"]


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


@contextmanager
def small_volume(directory, size_bytes):
    """A real file system of that size."""
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    options = ["-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(directory)]
    if subprocess.run(["mount", *options], capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a tmpfs is not allowed here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(directory)], check=True)


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


def signed_off_in_trade(make_bench, load_kind):
    """Somebody signs it off with a sale in the log."""
    bench = make_bench()
    start(bench, load_kind(), 100)
    early = bench.act("sign_off")
    assert bench.act("settle").kind == "done" and bench.act("sign_off").kind == "done"
    return [] if early.kind == "refused" else [early]


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


def differs_twice(make_bench, load_kind):
    """The host says that totals differ, and after the upload it still does."""
    kind = load_kind()
    bench = make_bench(dialect=kind.manifest.dialect)
    start(bench, kind, 100, 200)
    bench.knobs.totals_off_by_one = 2
    before = bench.inspect().batch
    bench.act("settle")
    return unproven(bench, before)


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


def log_printed(make_bench, load_kind):
    """Two sales, and somebody has the event log printed."""
    bench = make_bench()
    kind = load_kind()
    start(bench, kind, 100, 200)
    if "read_log" in kind.manifest.actions:
        assert bench.act("read_log").kind == "done"
        assert "000002" in bench.receipts[-1].text
    return [each.text for each in bench.receipts if PAN in each.text]


def support_in_a_settlement(make_bench, load_kind):
    """The settlement's answer is lost, and support clears what there is to clear."""
    bench = make_bench()
    start(bench, load_kind(), 100)
    bench.knobs.drop_replies = 1
    bench.act("settle")
    bench.act("clear_reversal")
    return [] if bench.inspect().records else ["log cleared"]


def release_before(kind):
    """What the terminal's manifest names as the release before it."""
    module_name, _, class_name = kind.manifest.previous.rpartition(":")
    return getattr(import_module(module_name or kind.__module__), class_name)


def updated(make_bench, load_kind):
    """The release before it leaves two sales and one in doubt; it starts on them, and settles."""
    bench, kind = make_bench(), load_kind()
    start(bench, release_before(kind), 100, 200)
    bench.knobs.drop_replies = 1
    bench.act("sale", 300)
    bench.boot(kind)
    bench.idle()
    bench.act("sign_on")
    return disagreements(bench) + settle(bench)


def updated_and_restarted(make_bench, load_kind):
    """Started twice on what the release before it left, before the host could be asked again."""
    bench, kind = make_bench(), load_kind()
    start(bench, release_before(kind), 100)
    bench.knobs.drop_replies = 1
    bench.act("sale", 300)
    bench.boot(kind)
    bench.boot(kind)
    bench.idle()
    return disagreements(bench) + settle(bench)


def with_a_leftover(make_bench, load_kind):
    """Half a copy of the journal stays beside it, as a backup that was broken off leaves it."""
    bench = make_bench()
    start(bench, load_kind(), 100, 200)
    (path,) = [each for each in bench.directory.rglob("*") if each.name == "journal.0"]
    path.with_name("journal.0.tmp").write_bytes(path.read_bytes()[:100])
    bench.cut("kept")
    start(bench, load_kind())
    return disagreements(bench) + settle(bench)


def gone_back(make_bench, load_kind):
    """Somebody goes back to the release before it, and comes again."""
    bench, kind = make_bench(), load_kind()
    start(bench, kind, 100, 200)
    for each in (release_before(kind), kind):
        bench.boot(each)
        bench.act("sale", 300)
    return disagreements(bench) + settle(bench)


def keyed_in_again(make_bench, load_kind):
    """A paid sale is keyed in once more, with the same card."""
    bench = make_bench()
    kind = load_kind()
    start(bench, kind, 100)
    if kind.manifest.duplicate_window_s is None:
        return []
    return [] if bench.act("sale", 100).reason == "duplicate" else ["charged twice"]


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


SCENARIOS = SETTLING_SCENARIOS | {
    "second_95": differs_twice,
    "no_fsync": cut_everywhere,
    "reversal_dropped": answer_lost,
    "resend_as_new": asked_again,
    "reverse_after_commit": cut_everywhere,
    "stan_in_ram": power_cut,
    "stan_by_size": wrapped_and_restarted,
    "clear_unbalanced": totals_differ,
    "clear_on_timeout": settlement_unanswered,
    "settle_twice": settlement_answer_lost,
    "report_first": full_volume,
    "reports_to_b": second_volume_full,
    "purged_by_age": clock_ahead,
    "torn_parsed": cut_everywhere,
    "never_resent": answer_lost,
    "boot_loop": cut_everywhere,
    "leak": growth,
    "resets_after_deaths": started_again_and_again,
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
    "mac_unchecked": wrong_mac,
    "any_reply_taken": reply_of_another,
    "late_reply_taken": late_reply,
    "track_kept": searched,
    "track_in_spool": spooled,
    "pin_in_reversal": searched,
    "card_in_log": searched,
    "card_on_slip": searched,
    "crash_dump": searched,
    "hashed_cards": searched,
    "counted_again": cut_before_the_screen,
    "searches_the_log": many_sales,
    "crc_unchecked": bit_flipped,
    "damage_unsaid": bit_flipped,
    "begins_anew": bit_flipped_and_restarted,
    "totals_apart": cut_before_the_totals,
    "blind_admission": full_while_trading,
    "over_limit_warns": over_the_limit,
    "units_mixed_up": plenty_of_room,
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
    "log_deciphered": log_printed,
    "moved_too_soon": cut_in_moves,
    "packed_in_place": cut_in_moves,
    "guard_by_track": keyed_in_again,
    "clears_too_much": support_in_a_settlement,
    "migration_drops_doubt": updated,
    "doubt_expires": updated_and_restarted,
    "leftover_taken": with_a_leftover,
    "update_formats": updated,
    "version_ignored": updated,
    "downgrade_overwrites": gone_back,
    **CHIP_SCENARIOS,
}


def test_every_mutant_has_a_scenario():
    assert set(SCENARIOS) == {
        shipped.name for shipped in CATALOGUE.values() if shipped.caught_by and not shipped.at_crash_points
    }


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_mutant_does_its_harm(make_bench, name):
    assert SCENARIOS[name](make_bench, lambda: load(name)) != []


@pytest.mark.parametrize("scenario", sorted(set(SCENARIOS.values()) - {cut_everywhere}, key=lambda each: each.__name__))
def test_the_reference_passes_the_same_scenario(make_bench, scenario):
    assert scenario(make_bench, lambda: ReferenceTerminal) == []


def test_a_cut_is_not_an_exception_that_software_could_catch():
    assert not issubclass(PowerCut, Exception)
