"""The reference starts on what the release before it left, and that release on what the reference left."""

from dataclasses import replace

import pytest
from terminal_bench import PowerCut
from terminal_judge import disagreements, settle

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.core import NEWER_RELEASE
from harness.terminals.reference.formats import FirstFormat, RecordFormat
from harness.terminals.reference.journal import FILE_NAMES
from harness.terminals.reference.records import Kind
from harness.terminals.reference_v1 import ReferenceV1


def leave_work(bench, kind=ReferenceV1):
    """An open batch with a void and a refund in it, the slip of the batch before, and a sale in doubt."""
    bench.boot(kind)
    assert bench.act("sign_on").kind == "done"
    bench.act("sale", 900)
    bench.paper = False
    bench.act("settle")
    first, second = bench.act("sale", 1_500), bench.act("sale", 2_500)
    bench.act("void", 2_500, second)
    bench.act("refund", 300, first)
    bench.knobs.drop_replies = 1
    assert bench.act("sale", 777).kind == "unknown"
    bench.cut("kept")


def files(bench):
    return [(bench.directory / "data" / name).read_bytes() for name in FILE_NAMES]


def seen_by(kind, bench):
    return kind.inspect({f"/data/{name}": content for name, content in zip(FILE_NAMES, files(bench), strict=True)})


def goes_on(bench):
    """Trade goes on, and money and records are right at its end."""
    bench.paper = True
    bench.act("sale", 4_000)
    bench.idle()
    return disagreements(bench) + settle(bench)


def test_all_that_the_old_release_left_is_brought_over(make_bench):
    bench = make_bench()
    leave_work(bench)
    before = seen_by(ReferenceV1, bench)
    assert len(before.records) == 4 and before.pending_reversals and before.totals[0] == 1
    assert seen_by(ReferenceTerminal, bench) == before, "the new one's tool reads what is not migrated yet"
    bench.boot(ReferenceTerminal)
    assert bench.inspect() == before
    assert seen_by(ReferenceV1, bench) is None, "and the old one's does not pretend to read what is"
    assert goes_on(bench) == []


@pytest.mark.parametrize("unsynced", ["torn", "lost", "kept"])
def test_a_migration_that_is_cut_anywhere_is_begun_again(make_bench, unsynced):
    at, cut = 0, True
    while cut:
        at += 1
        bench = make_bench()
        leave_work(bench)
        before = seen_by(ReferenceV1, bench)

        def fail(_what, count, at=at):
            if count == at:
                raise PowerCut

        bench.fail = fail
        try:
            bench.boot(ReferenceTerminal)
            cut = False
        except PowerCut:
            bench.fail = None
            bench.cut(unsynced)
            bench.boot(ReferenceTerminal)
        bench.fail = None
        found = bench.inspect()
        assert replace(found, next_stan=before.next_stan) == before
        assert goes_on(bench) == []
    assert at > 4


def test_the_old_release_leaves_newer_data_alone_and_says_so(make_bench):
    bench = make_bench()
    leave_work(bench, ReferenceTerminal)
    before = files(bench)
    bench.boot(ReferenceV1)
    assert bench.screens[-1].text == NEWER_RELEASE
    assert bench.act("sale", 100).kind == "refused"
    assert bench.act("settle").kind in ("refused", "failed")
    assert files(bench) == before
    bench.boot(ReferenceTerminal)
    assert goes_on(bench) == []


def test_a_batch_that_was_never_used_is_brought_over_too(make_bench):
    bench = make_bench()
    bench.boot(ReferenceV1)
    bench.boot(ReferenceTerminal)
    bench.act("sign_on")
    assert goes_on(bench) == []


@pytest.mark.parametrize("kind", [ReferenceV1, ReferenceTerminal])
def test_a_flipped_bit_in_a_mark_is_damage_and_no_other_release(make_bench, kind):
    bench = make_bench()
    leave_work(bench, kind)
    mark = kind.store_class.journal_class.format.magic
    for name in FILE_NAMES:
        path = bench.directory / "data" / name
        content = bytearray(path.read_bytes())
        at = content.rfind(mark)
        if at >= 0:
            content[at + 2] ^= 2  # "0" becomes "2", "1" becomes "3": a release that there may be one day
            path.write_bytes(content)
    bench.boot(kind)
    assert NEWER_RELEASE not in [screen.text for screen in bench.screens]
    assert bench.terminal.books.damaged


def test_formats_keep_their_marks_and_lengths():
    payload = b"sale\x1f000001\x1f000002\x1f100\x1f0302\x1f090000\x1f6222\x1f"
    first, now = FirstFormat(), RecordFormat()
    old, new = (each.frame(Kind.APPROVED, 3, 7, payload) for each in (first, now))
    assert len(old) == len(new) and old[:4] == b"TJ0\n" and new[:4] == b"TJ1\n"
    assert b"\x1f0302\x1f090000\x1f100\x1f" in old
    assert [each.payload for each in first.scan(old)] == [payload] == [each.payload for each in now.scan(new)]
    assert first.scan(new) == [] == now.scan(old)


def test_an_update_waits_for_a_settlement_that_is_under_way(make_bench):
    bench = make_bench()
    bench.boot(ReferenceTerminal)
    bench.act("sign_on")
    bench.act("sale", 100)
    assert bench.act("update").kind == "done"
    bench.knobs.drop_replies = 9
    bench.act("settle")
    assert (refused := bench.act("update")).kind == "refused" and refused.reason == "settle_pending"
