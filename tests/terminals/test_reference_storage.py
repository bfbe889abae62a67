"""The reference terminal and a flash that is full, fails, lies about nothing, or loses what it held."""

import errno

import pytest
from terminal_bench import PowerCut
from terminal_judge import disagreements, secrets_on_disk, settle, trading

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.journal import FILE_NAMES, FILE_SIZE_BYTES, RecordFormat


def journal_bytes(bench):
    return sum((bench.directory / "data" / name).stat().st_size for name in FILE_NAMES)


def test_a_full_volume_is_refused_before_money_moves_and_settlement_frees_it(make_bench):
    bench = make_bench()
    bench.boot(ReferenceTerminal)
    bench.act("sign_on")
    bench.quota_bytes = journal_bytes(bench)
    approved = 0
    while (outcome := bench.act("sale", 1_000)).kind == "approved":
        approved += 1
    assert outcome.reason == "storage_full" and bench.screens[-1].kind == "storage_full"
    assert 10 < approved < 40
    assert len(bench.host.open_entries(bench.terminal.device.tid)) == approved
    assert settle(bench) == []
    assert journal_bytes(bench) == 2 * FILE_SIZE_BYTES
    assert bench.act("sale", 1_000).kind == "approved"


def test_a_full_volume_with_a_reversal_pending_and_totals_that_differ_still_settles(make_bench):
    bench = make_bench()
    bench.boot(ReferenceTerminal)
    bench.act("sign_on")
    bench.quota_bytes = journal_bytes(bench)
    while bench.act("sale", 1_000).kind == "approved":
        bench.knobs.drop_replies = 0
    bench.act("settle")
    while bench.act("sale", 1_000).kind == "approved":
        bench.knobs.drop_replies = 1 if len(bench.sent) % 5 == 0 else 0
        bench.idle(2)
    bench.knobs.drop_replies = 0
    bench.knobs.totals_off_by_one = 1
    assert bench.act("settle").kind == "done"
    assert bench.host.settlements()[-1].host_only == ()
    assert bench.act("sale", 1_000).kind == "approved"


@pytest.mark.parametrize("what", ["write", "fsync"])
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_one_failed_write_or_fsync_anywhere_is_survived(make_bench, what, code):
    at = 0
    while True:
        at += 1
        struck = []

        bench = make_bench()

        def fail(each, count, at=at, struck=struck, bench=bench):
            if each == what and sum(1 for call in bench.calls if call == what) == at:
                struck.append(count)
                raise OSError(code, "injected")

        bench.fail = fail
        bench.boot(ReferenceTerminal)
        trading(bench)
        if not struck:
            break
        bench.fail = None
        bench.knobs.drop_replies = 0
        bench.idle()
        assert disagreements(bench) == [], (what, at)
        bench.cut("lost")
        bench.boot(ReferenceTerminal)
        bench.idle()
        assert disagreements(bench) == [], (what, at, "after a cut")
        assert settle(bench) == [], (what, at)
    assert at > 15


@pytest.mark.parametrize("unsynced", ["lost", "kept"])
def test_a_flash_that_fails_for_good_moves_no_money(make_bench, unsynced):
    for at in range(1, 60, 2):
        bench = make_bench()

        def fail(each, count, at=at):
            if each in ("write", "fsync", "truncate") and count >= at:
                raise OSError(errno.EIO, "injected")

        bench.fail = fail
        bench.boot(ReferenceTerminal)
        trading(bench)
        bench.knobs.drop_replies = 0
        bench.cut(unsynced)
        bench.fail = None
        bench.boot(ReferenceTerminal)
        bench.idle()
        assert disagreements(bench) == [], at
        assert settle(bench) == [], at


def test_a_failed_approval_record_is_not_believed_later_although_it_reached_the_disk(make_bench):
    bench = make_bench()
    bench.boot(ReferenceTerminal)
    bench.act("sign_on")

    def fail(each, _count):
        if (
            each in ("write", "fsync")
            and "sent" in bench.calls
            and (each == "fsync" or len(bench.calls) - moment[0] > 3)
        ):
            raise OSError(errno.EIO, "injected")

    bench.calls.clear()
    moment = [0]
    bench.fail = fail
    outcome = bench.act("sale", 900)
    assert outcome.kind == "unknown"
    bench.idle(1)
    assert [entry.state for entry in bench.host.entries()] == ["REVERSED"]
    bench.cut("kept")
    bench.fail = None
    bench.boot(ReferenceTerminal)
    bench.idle()
    assert disagreements(bench) == []
    assert bench.inspect().records == ()
    assert settle(bench) == []


def test_every_single_flipped_byte_is_found_or_harmless_and_the_batch_closes(make_bench):
    sample = make_bench()
    sample.boot(ReferenceTerminal)
    sample.act("sign_on")
    for amount in (100, 200, 300):
        sample.act("sale", amount)
    data = (sample.directory / "data" / FILE_NAMES[0]).read_bytes()
    last = RecordFormat().scan(data)[-1]
    end = last.end
    for offset in range(0, end, 23):
        bench = make_bench()
        bench.boot(ReferenceTerminal)
        bench.act("sign_on")
        for amount in (100, 200, 300):
            bench.act("sale", amount)
        bench.cut("lost")
        path = bench.directory / "data" / FILE_NAMES[0]
        content = bytearray(path.read_bytes())
        content[offset] ^= 0x10
        path.write_bytes(content)
        terminal = bench.boot(ReferenceTerminal)
        assert terminal.store.is_damaged, offset
        if offset >= last.offset:
            # The request is still there and NVRAM remembers that it was approved: together they are the record.
            assert [record.amount_fen for record in bench.inspect().records] == [100, 200, 300], offset
        assert any("损坏" in screen.text for screen in bench.screens), offset
        bench.idle()
        assert [entry.state for entry in bench.host.entries()] == ["APPROVED"] * 3, offset
        assert bench.act("sale", 400).kind == "approved", offset
        assert bench.act("settle").kind == "done", offset
        assert bench.act("sale", 500).kind == "approved", offset


@pytest.mark.parametrize("names", [FILE_NAMES[:1], FILE_NAMES[1:], FILE_NAMES])
@pytest.mark.parametrize("how", ["lost", "emptied", "zeroed", "older"])
def test_a_lost_journal_is_noticed_and_the_host_closes_the_batch(make_bench, names, how):
    bench = make_bench()
    bench.boot(ReferenceTerminal)
    bench.act("sign_on")
    paths = [bench.directory / "data" / name for name in names]
    old = [path.read_bytes() for path in paths]
    for amount in (100, 200, 300):
        assert bench.act("sale", amount).kind == "approved"
    bench.cut("lost")
    for path, content in zip(paths, old, strict=True):
        if how == "lost":
            path.unlink()
        else:
            path.write_bytes({"emptied": b"", "zeroed": bytes(len(content)), "older": content}[how])
    terminal = bench.boot(ReferenceTerminal)
    active_was_hit = FILE_NAMES[0] in names
    assert terminal.store.is_damaged == active_was_hit
    bench.idle()
    outcome = bench.act("sale", 400)
    assert outcome.kind == "approved" and int(outcome.stan) > 4
    assert bench.act("settle").kind == "done"
    settlement = bench.host.settlements()[-1]
    assert (len(settlement.settled), len(settlement.host_only)) == ((1, 3) if active_was_hit else (4, 0))
    assert bench.inspect().batch == bench.host.batch_number(terminal.device.tid)
    assert bench.act("sale", 500).kind == "approved"


def test_files_deleted_under_a_running_terminal_are_written_anew(make_bench):
    bench = make_bench()
    bench.boot(ReferenceTerminal)
    trading(bench)
    for name in FILE_NAMES:
        (bench.directory / "data" / name).unlink()
    assert bench.act("sale", 100).kind == "approved"
    bench.cut("lost")
    bench.boot(ReferenceTerminal)
    assert disagreements(bench) == []
    assert settle(bench) == []
    assert secrets_on_disk(bench) == []


def test_a_batch_closes_although_the_spare_file_is_gone_and_the_volume_full(make_bench):
    bench = make_bench()
    bench.boot(ReferenceTerminal)
    bench.act("sign_on")
    bench.act("sale", 100)
    bench.cut("lost")
    (bench.directory / "data" / FILE_NAMES[1]).unlink()
    bench.quota_bytes = FILE_SIZE_BYTES
    bench.boot(ReferenceTerminal)
    bench.act("sale", 200)
    assert disagreements(bench) == []
    assert settle(bench) == []
    bench.cut("lost")
    bench.boot(ReferenceTerminal)
    assert bench.inspect().batch == "000002"
    assert bench.act("sale", 300).kind == "approved"
    assert disagreements(bench) == []


def test_a_store_that_opens_late_still_tells_of_the_approval_nobody_saw(make_bench):
    bench = make_bench()
    bench.boot(ReferenceTerminal)
    bench.act("sign_on")

    def cut(what, _count):
        if what == "show" and bench.calls.count("sent") == 2:
            raise PowerCut

    bench.fail = cut
    with pytest.raises(PowerCut):
        bench.act("sale", 100)
    bench.cut("lost")

    def fail(what, _count):
        if what == "fsync":
            raise OSError(errno.EIO, "injected")

    bench.fail = fail
    bench.boot(ReferenceTerminal)
    assert bench.screens[-1].kind == "error"
    assert bench.act("sale", 200).reason == "storage_error"
    bench.fail = None
    bench.idle(1)
    assert (bench.screens[-1].kind, bench.screens[-1].amount_fen) == ("approved", 100)
    assert disagreements(bench) == []


def test_a_record_seen_after_a_mere_restart_is_durable_before_it_is_believed(make_bench):
    bench = make_bench()
    bench.boot(ReferenceTerminal)
    bench.act("sign_on")

    def die(what, _count):
        if what == "fsync" and bench.calls.count("sent") == 2:
            raise PowerCut

    bench.fail = die
    with pytest.raises(PowerCut):
        bench.act("sale", 100)
    bench.fail = None
    bench.boot(ReferenceTerminal)
    assert (bench.screens[-1].kind, bench.screens[-1].amount_fen) == ("approved", 100)
    bench.cut("lost")
    bench.boot(ReferenceTerminal)
    bench.idle()
    assert disagreements(bench) == []
