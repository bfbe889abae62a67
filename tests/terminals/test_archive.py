"""Records that move out of the journal: each is there once, wherever it is, and both variants settle all of them."""

import pytest
from terminal_judge import disagreements

from harness.terminals.variants.archive import NAME, pack_segment, unpack_segments
from harness.terminals.variants.compressing import Compressing
from harness.terminals.variants.tiered import Tiered


@pytest.mark.parametrize("kind", [Tiered, Compressing])
def test_moved_records_are_read_voided_uploaded_and_survive_a_restart(make_bench, kind):
    bench = make_bench()
    bench.boot(kind)
    bench.act("sign_on")
    first = bench.act("sale", 1_111)
    for _ in range(50):
        assert bench.act("sale", 100).kind == "approved"
    archive = bench.directory / "data" / NAME
    assert archive.stat().st_size > 500
    assert bench.act("void", 1_111, first).kind == "approved"
    assert bench.act("void", 1_111, first).reason == "already_voided"
    bench.boot(kind)
    assert disagreements(bench) == []
    assert bench.act("reprint").kind == "done"
    bench.knobs.totals_off_by_one = 1
    assert bench.act("settle").kind == "done"
    (settlement,) = bench.host.settlements()
    assert (settlement.balanced, settlement.host_only, settlement.terminal_only) == (False, (), ())
    assert archive.stat().st_size == 0
    assert bench.act("sale", 200).kind == "approved" and disagreements(bench) == []


def test_compression_makes_it_smaller(make_bench):
    sizes = []
    for kind in (Tiered, Compressing):
        bench = make_bench()
        bench.boot(kind)
        bench.act("sign_on")
        for _ in range(50):
            bench.act("sale", 100)
        sizes.append((bench.directory / "data" / NAME).stat().st_size)
    assert sizes[1] < 0.6 * sizes[0]


def test_an_archive_that_is_gone_is_said_and_counted(make_bench):
    bench = make_bench()
    bench.boot(Tiered)
    bench.act("sign_on")
    for _ in range(30):
        bench.act("sale", 100)
    (bench.directory / "data" / NAME).unlink()
    bench.boot(Tiered)
    assert bench.inspect().damaged_records == 20
    assert any("DAMAGED" in screen.text for screen in bench.screens)


@pytest.mark.parametrize("compresses", [False, True])
def test_a_damaged_segment_costs_itself_alone(compresses):
    first, second = b"a" * 300, bytes(range(256))
    data = bytearray(pack_segment(first, compresses=compresses) + pack_segment(second, compresses=compresses))
    data[20] ^= 1
    assert unpack_segments(bytes(data)) == bytes(300) + second
