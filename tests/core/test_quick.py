"""A quick dataclass is the same dataclass: only the way to its slots is shorter."""

import inspect
from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from harness.contract import Receipt, Screen, Totals
from harness.contract.making import quick


def _plain() -> type:
    @dataclass(frozen=True, slots=True)
    class Point:
        x: int
        y: int = 2
        name: str | None = None

    return Point


PLAIN, QUICK = _plain(), quick(_plain())


@pytest.mark.parametrize(
    ("values", "named"), [((1,), {}), ((1, 3), {}), ((), {"x": 1, "name": "n"}), ((1, 2, "n"), {})]
)
def test_it_takes_the_same_values_to_the_same_fields(values: tuple[object, ...], named: dict[str, object]) -> None:
    assert repr(QUICK(*values, **named)) == repr(PLAIN(*values, **named))
    assert QUICK(*values, **named) == QUICK(*values, **named)
    assert hash(QUICK(*values, **named)) == hash(QUICK(*values, **named)) == hash(PLAIN(*values, **named))


@pytest.mark.parametrize(("values", "named"), [((), {}), ((1, 2, "n", 4), {}), ((1,), {"z": 3}), ((1,), {"x": 1})])
def test_it_refuses_what_the_plain_one_refuses(values: tuple[object, ...], named: dict[str, object]) -> None:
    for each in (PLAIN, QUICK):
        with pytest.raises(TypeError):
            each(*values, **named)


def test_it_is_frozen_replaced_and_described_as_before() -> None:
    point = QUICK(1)
    with pytest.raises(FrozenInstanceError):
        point.x = 2
    assert replace(point, y=5) == QUICK(1, 5)
    assert inspect.signature(QUICK) == inspect.signature(PLAIN)
    assert not hasattr(point, "__dict__")


def test_what_is_more_than_plain_fields_is_refused() -> None:
    @dataclass(frozen=True, slots=True)
    class Made:
        parts: list[int] = field(default_factory=list)

    @dataclass(frozen=True, slots=True)
    class Checked:
        x: int

        def __post_init__(self) -> None:
            pass

    for each in (Made, Checked):
        with pytest.raises(TypeError, match="more than plain fields"):
            quick(each)


def test_software_may_derive_from_the_contract_s_own() -> None:
    @dataclass(frozen=True, slots=True)
    class Coloured(Screen):
        colour: str = "green"

    assert Coloured("approved", "ok", colour="red").text == "ok"
    assert Receipt("sale", totals=Totals(1)).totals == Totals(debit_count=1)
