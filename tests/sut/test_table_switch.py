"""Tables take each other's place in any order: each sees its own modules alone, and the harness gets all of its back."""

from __future__ import annotations

import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.sut import interpreter, modules
from harness.sut.layers import is_shared_or_hidden

OWN = ("colorsys", "textwrap", "wave", "harness.terminals.reference.records")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([0, 1, 2, None]), max_size=8))
def test_any_order_of_switches(order):
    with interpreter.installed():
        tables = [interpreter.new_table() for _ in range(3)]
        for table, name in zip(tables, OWN, strict=False):
            table.load(name)
        tables[2].load(OWN[3])
        before = dict(sys.modules)
        for place in order:
            if place is None:
                modules.deactivate()
                assert sys.modules == before
                continue
            table = tables[place]
            modules.activate(table)
            seen = {name: module for name, module in sys.modules.items() if not is_shared_or_hidden(name)}
            assert seen == {name: each for name, each in table.entries.items() if not is_shared_or_hidden(name)}
        modules.deactivate()
        assert sys.modules == before
