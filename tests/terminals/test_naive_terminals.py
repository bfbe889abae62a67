"""The naive terminals trade without a fault on good days, and their storage fails them as their libraries do."""

import pytest
from terminal_judge import disagreements, secrets_on_disk

from harness.terminals.filequeue_terminal import FileQueueTerminal
from harness.terminals.jsonfile_terminal import JsonFileTerminal
from harness.terminals.tinydb_terminal import TinyDbTerminal

ALL = [TinyDbTerminal, FileQueueTerminal, JsonFileTerminal]


@pytest.mark.parametrize("kind", ALL)
def test_a_good_week_ends_with_every_batch_balanced(make_bench, kind):
    bench = make_bench()
    bench.boot(kind)
    assert bench.act("sign_on").kind == "done"
    for day in range(3):
        first, second = bench.act("sale", 1_500), bench.act("sale", 2_500)
        assert (first.kind, second.kind) == ("approved", "approved")
        assert bench.act("void", 2_500, second).kind == "approved"
        assert bench.act("void", 2_500, second).kind == "refused"
        assert bench.act("refund", 300, first).kind == "approved"
        bench.knobs.drop_replies = 1
        assert bench.act("sale", 777).kind == "unknown"
        assert bench.act("sale", 888).kind == "approved"
        bench.boot(kind)
        assert bench.act("reprint").kind == "done"
        if kind is not FileQueueTerminal:  # it offers no inspection
            assert disagreements(bench) == []
        bench.knobs.totals_off_by_one = day % 2
        assert bench.act("settle").kind == "done"
        settlement = bench.host.settlements()[-1]
        assert (settlement.balanced, settlement.host_only, settlement.terminal_only) == (day % 2 == 0, (), ())
    assert bench.host.batch_number(bench.terminal.device.tid) == "000004"
    assert secrets_on_disk(bench) == []


@pytest.mark.parametrize("kind", [TinyDbTerminal, JsonFileTerminal])
def test_a_rewrite_in_place_that_is_cut_short_takes_the_whole_day_with_it(make_bench, kind):
    bench = make_bench()
    bench.boot(kind)
    bench.act("sign_on")
    for _ in range(5):
        assert bench.act("sale", 1_500).kind == "approved"
    path = bench.directory / "data" / "terminal.json"
    path.write_bytes(path.read_bytes()[:512])
    with pytest.raises(ValueError):
        bench.boot(kind)
        bench.act("sale", 100)
