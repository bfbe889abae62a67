"""The reference with one countermeasure more: alarms that stop nothing, signatures that go when the batch does."""

from harness.terminals.variants.signatures import Signatures
from harness.terminals.variants.warns_early import WarnsEarly


def test_a_warning_comes_before_the_refusal_and_is_no_answer(make_bench, monkeypatch):
    bench = make_bench()
    bench.boot(WarnsEarly)
    bench.act("sign_on")
    monkeypatch.setattr(WarnsEarly, "is_nearly_full", lambda _self: True)
    assert bench.act("sale", 100).kind == "approved"
    kinds = [screen.kind for screen in bench.screens]
    assert (
        kinds.count("warning") == 1
        and kinds.index("warning") < kinds.index("approved")
        and kinds.count("approved") == 1
    )
    bench.terminal.slow_in_a_row = 3
    bench.screens.clear()
    assert bench.act("sale", 200).kind == "approved"
    assert [screen.text for screen in bench.screens if screen.kind == "warning"][-1].endswith("THE LINE IS SLOW")


def test_signatures_are_kept_with_their_sales_and_no_longer(make_bench):
    bench = make_bench()
    bench.boot(Signatures)
    bench.act("sign_on")
    sales = [bench.act("sale", 100) for _ in range(5)]
    kept = sorted((bench.directory / "data").glob("sign.*"))
    assert [path.name for path in kept] == [f"sign.{sale.stan}" for sale in sales]
    assert all(1_024 <= path.stat().st_size < 4_096 for path in kept)
    assert bench.act("settle").kind == "done"
    assert list((bench.directory / "data").glob("sign.*")) == []
