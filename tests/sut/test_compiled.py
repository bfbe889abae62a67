"""Texts compiled once: what ``dataclasses`` makes at each boot is the same as ever, and each boot's own."""

from __future__ import annotations

import dataclasses
import inspect
import keyword
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.sut import compiled, interpreter
from tests.sut.rig import Rig

NAMES = st.from_regex(r"[a-z]{1,6}", fullmatch=True).filter(lambda name: not keyword.iskeyword(name))
FIELDS = st.lists(
    st.tuples(NAMES, st.sampled_from([int, str, list[int]]), st.integers()), max_size=4, unique_by=lambda each: each[0]
)


def made(fields: list[tuple[str, type, int]], *, frozen: bool, order: bool) -> type:
    described = [(name, kind, dataclasses.field(default=value)) for name, kind, value in fields]
    return dataclasses.make_dataclass("Made", described, frozen=frozen, order=order)


@settings(deadline=None, max_examples=30)
@given(FIELDS, st.booleans(), st.booleans())
def test_a_class_is_what_it_is_without(fields: list[tuple[str, type, int]], frozen: bool, order: bool) -> None:
    with interpreter.installed():
        twins = [made(fields, frozen=frozen, order=order) for _ in range(2)]
    standing = vars(dataclasses).pop("exec")
    try:
        plain = made(fields, frozen=frozen, order=order)
    finally:
        compiled.install()
    assert standing is vars(dataclasses)["exec"]
    for twin in twins:
        assert inspect.signature(twin) == inspect.signature(plain)
        assert twin.__init__.__annotations__ == plain.__init__.__annotations__  # type: ignore[misc]
        assert twin.__init__.__code__ == plain.__init__.__code__  # type: ignore[misc]
        assert repr(twin()) == repr(plain())
        assert dataclasses.astuple(twin()) == dataclasses.astuple(plain())
    assert twins[0].__init__ is not twins[1].__init__  # type: ignore[misc]


APP = """
import dataclasses

@dataclasses.dataclass
class Purse:
    coins: int = 1

class App(Terminal):
    manifest = Manifest(name="app")
    def boot(self):
        print("coins", Purse().coins, getattr(Purse.__init__, "left_behind", None))
        Purse.__init__.left_behind = "something"
        Purse.__init__.__defaults__ = (7,)
"""


def test_nothing_put_on_a_method_survives_power_loss(tmp_path: Path) -> None:
    rig = Rig(tmp_path, APP).start()
    for seed in range(2):
        rig.station.power_cut("plug", seed)
        rig.start()
    assert rig.printed() == ["coins 1 None"] * 3
