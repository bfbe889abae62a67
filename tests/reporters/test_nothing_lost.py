"""States of crash points that lost nothing: no call is told to have left them."""

from msgspec.structs import replace

from harness.engine.crashpoints.report import FlowReport
from harness.engine.report.crashes import of_crashpoints
from harness.reporters import crashpoints
from tests.engine.report.cuts import found_of, kept, told_of


def told():
    lost = found_of(1, "no_lost_approval", "save", "T01 lost it.")
    whole = found_of(1, "no_lost_approval", "save", "T01 lost it.")
    whole.nothing_lost, whole.example = True, replace(whole.example, losses=(), lost_operations=0)
    return told_of(FlowReport("sale", "one sale", found=[lost, whole], judged=14))


def test_the_console_says_that_nothing_was_lost_and_names_the_last_call_as_such() -> None:
    lines = [line.strip() for line in crashpoints.render(told()).splitlines()]
    assert "7 left by  save: write" in lines
    assert "7 nothing was lost; last storage call before the cut: save: write" in lines


def test_on_a_page_the_two_are_two_findings(tmp_path) -> None:
    rows = of_crashpoints(kept(tmp_path / "out", told())).signatures
    assert len({row.signature for row in rows}) == 2
    assert [row.points[0].nothing_lost for row in sorted(rows, key=lambda row: row.points[0].nothing_lost)] == [
        False,
        True,
    ]
