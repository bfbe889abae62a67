"""Scenario files as data: what ships loads, the schema is fresh, names are found, plans are written back equal."""

from __future__ import annotations

import dataclasses
import datetime
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from harness.core.errors import UsageError
from harness.core.units import US_PER_DAY, US_PER_MINUTE
from harness.faults.base import FaultPlan, MessageMatch, Trigger
from harness.scenario import find, quantities, registries
from harness.scenario.check import NEEDS_FUNDS
from harness.scenario.fields import fields_of
from harness.scenario.load import load_file, load_scenario, load_text
from harness.scenario.plan import (
    Budgets,
    DaysPlan,
    DevicePlan,
    FundsPlan,
    HostPlan,
    InvariantChoice,
    MerchantShare,
    Plan,
    VolumePlan,
)
from harness.scenario.resolve import plan_text, write_resolved
from harness.scenario.schema import SCHEMA_FILE, schema_text
from harness.workload.arrivals import Surge
from harness.workload.behaviour import Behaviour
from harness.workload.script import CUSTOMERS, PAYING, Do, Scripted

SHIPPED = list(find.names())


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_scenario_loads_and_tells_its_story(name: str) -> None:
    plan = load_scenario(name)
    assert len(plan.summary) > 40 and plan.summary.endswith(".")
    assert plan.summary == find.summary_of(find.names()[name]), "the quick list and the file disagree"
    first = find.names()[name].read_text("utf-8").split("\n")[0]
    depth = "../" * name.count("/")
    assert first == f"# yaml-language-server: $schema={depth}_schema/scenario.schema.json"


def test_the_shipped_scenarios_use_every_kind_of_fault_family() -> None:
    families = {fault.fault.family for name in SHIPPED for fault in load_scenario(name).faults}
    assert families >= {"storage", "power", "network", "memory", "corruption", "host", "operator", "clock"}


def test_first_look_is_twenty_terminals_over_three_days_with_five_families() -> None:
    plan = load_scenario("first_look")
    assert (plan.terminals, plan.days.count) == (20, 3)
    kinds = {fault.fault.kind for fault in plan.faults}
    assert kinds >= {"full_storage", "power_loss", "partition", "half_open", "memory_leak", "corrupt_file", "lose_file"}


def test_the_schema_is_fresh() -> None:
    path = find.scenarios_root() / SCHEMA_FILE
    # Compared first: pytest would spend minutes on the difference of two texts of this length.
    fresh = path.read_text("utf-8") == schema_text()
    assert fresh, "stale: run python -m harness.scenario.schema"


def test_the_schema_knows_every_fault_and_its_parameters() -> None:
    schema = json.loads(schema_text())
    for name, cls in registries.faults().items():
        keys = schema["definitions"][f"fault_{name}"]["properties"]
        assert all(parameter.key in keys for parameter in fields_of(cls))
    assert schema["$schema"].startswith("http://json-schema.org/draft-07")
    references = set(_references(schema))
    assert references <= {f"#/definitions/{name}" for name in schema["definitions"]}


def _references(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [each for member in value.values() for each in _references(member)]
    if isinstance(value, list):
        return [each for member in value for each in _references(member)]
    return []


# ---------------------------------------------------------------- finding


def test_scenarios_are_found_by_name_short_name_and_path(tmp_path: Path) -> None:
    full = find.scenario_file("storage/settle_when_data_volume_full")
    assert full == find.scenario_file("settle_when_data_volume_full") == find.scenario_file(str(full))
    mine = tmp_path / "mine.yaml"
    mine.write_text("name: mine\n")
    assert load_scenario(str(mine)).name == "mine"
    with pytest.raises(UsageError, match="did you mean 'storage/settle_when_data_volume_full'"):
        find.scenario_file("storage/settle_when_volume_full")
    with pytest.raises(UsageError):
        find.scenario_file("../storage/settle_when_data_volume_full/..")


def test_listing_needs_neither_pydantic_nor_yaml() -> None:
    code = (
        "import sys; from harness.scenario import find; names = [each.name for each in find.listed()];"
        "assert len(names) > 15; slow = {'pydantic', 'ruamel', 'faker', 'simpy'} & set(sys.modules); assert not slow, slow"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


# ---------------------------------------------------------------- writing back

US = st.integers(0, 30 * US_PER_DAY)
SIZES = st.integers(1, 1 << 32)
PERCENT = st.one_of(st.integers(0, 100).map(float), st.floats(0.0, 100.0))
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=30)
NAME = st.from_regex(r"[a-z][a-z_]{0,12}", fullmatch=True)
TRIGGERS = st.builds(
    Trigger,
    day=st.none() | st.just(1),
    time_us=st.none() | st.integers(0, US_PER_DAY - 1),
    action=st.none() | st.sampled_from(["sale", "settle"]),
    message=st.none() | st.builds(MessageMatch, mti=st.sampled_from(["", "0210"]), response_code=st.just("00")),
    fill_percent=st.none() | PERCENT,
    occurrence=st.integers(1, 9),
    storage_operation=st.none() | st.tuples(st.integers(1, 4), st.integers(4, 9)),
)


@st.composite
def fault_plans(draw: st.DrawFn) -> FaultPlan:
    kind = draw(st.sampled_from(registries.faults().names()))
    cls = registries.faults().get(kind)
    values: dict[str, object] = {}
    for parameter in fields_of(cls):
        if parameter.unit == "duration":
            values[parameter.name] = draw(US)
        elif parameter.unit == "shift":
            values[parameter.name] = draw(st.integers(-US_PER_DAY, US_PER_DAY))
        elif parameter.unit == "size":
            values[parameter.name] = draw(SIZES)
        elif parameter.unit == "percent":
            values[parameter.name] = draw(PERCENT)
        elif parameter.type is bool:
            values[parameter.name] = draw(st.booleans())
    per_day = draw(st.none() | st.floats(0.1, 9.0))
    try:
        fault = cls(**values)
    except ValueError:
        reject()  # a leak of nothing, a loss of everything: what a file with it is told is tested elsewhere
    return FaultPlan(
        name=draw(NAME), fault=fault, trigger=draw(TRIGGERS), devices=draw(st.sampled_from(["all", 1, ("T01",)])),
        times=1 if per_day is not None else draw(st.integers(1, 5)), per_day=per_day,
        lift_after_us=None if cls.damage else draw(st.none() | US), together=draw(st.booleans()), scheduled=per_day is None,
    )  # fmt: skip


PLANS = st.builds(
    Plan,
    name=TEXT,
    summary=TEXT.map(lambda text: " ".join(text.split())),
    covers=st.lists(st.sampled_from(registries.row_names()), max_size=3).map(tuple),
    terminals=st.integers(1, 150),
    days=st.builds(
        DaysPlan,
        count=st.integers(1, 30),
        start=st.dates(datetime.date(2000, 1, 1), datetime.date(2099, 1, 1)),
        open_us=st.none() | st.integers(0, 599).map(lambda minutes: minutes * US_PER_MINUTE),
        close_us=st.none() | st.integers(US_PER_DAY // 2, US_PER_DAY),
    ),
    merchants=st.lists(st.sampled_from(registries.merchant_names()), min_size=1, unique=True).map(
        lambda names: tuple(MerchantShare(name, 25.0) for name in names)
    ),
    sales_per_day=st.none() | st.floats(1.0, 800.0),
    surge=st.none() | st.builds(Surge, factor=st.floats(0.5, 10.0), day=st.none() | st.just(1)),
    only_intents=st.none() | st.lists(st.integers(0, 10**9), max_size=4).map(tuple),
    device=st.builds(
        DevicePlan,
        volumes=st.just((VolumePlan("data", 5 << 20, 512, "fat", 77, False), VolumePlan("cache"))),
        ram_bytes=SIZES,
        link=st.sampled_from(registries.link_names()),
        paper_slips=st.none() | st.integers(1, 99),
    ),
    trace_number=st.none() | st.integers(1, 999_999),
    host=st.builds(HostPlan, latency_median_us=st.integers(1, 9_000), no_reply_percent=PERCENT),
    people=st.builds(Behaviour, settles_on_time_percent=PERCENT, settles_late_percent=st.just(0.0), patience_us=US),
    faults=st.lists(fault_plans(), max_size=3, unique_by=lambda plan: plan.name).map(tuple),
    invariants=st.sampled_from(
        [InvariantChoice(), InvariantChoice(("agreement",)), InvariantChoice(None, ("agreement", "stan_unique"))]
    ),
    must_happen=st.lists(TEXT, max_size=2).map(tuple),
    acceptance_percent=PERCENT,
    budgets=st.builds(Budgets, events=st.integers(1, 10**9), wall_us=US),
    seed=st.none() | st.integers(0, 2**62),
)


@st.composite
def scripts(draw: st.DrawFn) -> tuple[Scripted, ...]:
    actions = []
    for do in draw(st.lists(st.sampled_from(get_args(Do)), max_size=4)):
        paying, customer = do in PAYING, do in CUSTOMERS
        actions.append(
            Scripted(
                do,
                draw(st.integers(0, US_PER_DAY // 2)),
                amount_fen=draw(st.none() | st.integers(1, 10**12 - 1)) if paying else None,
                times=draw(st.integers(1, 5)),
                every_us=draw(st.integers(0, 90 * US_PER_MINUTE)),
                pays_by=draw(st.sampled_from(["card", "code"])) if customer else "card",
                card=draw(st.none() | st.integers(0, 999)) if customer else None,
            )
        )
    return tuple(actions)


def scripted(plan: Plan, actions: tuple[Scripted, ...]) -> Plan:
    days = dataclasses.replace(plan.days, open_us=0, close_us=US_PER_DAY)
    return dataclasses.replace(plan, actions=actions, days=days, sales_per_day=None, surge=None, only_intents=None)


@given(st.one_of(PLANS, st.builds(scripted, PLANS, scripts())))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_plan_written_back_is_read_equal(plan: Plan) -> None:
    if any(each.fault.kind in NEEDS_FUNDS for each in plan.faults):
        # A cycle that asks for no holidays, which are known of some years only.
        plan = dataclasses.replace(plan, funds=FundsPlan(cycle="D+1"))
    assert load_text(plan_text(plan)) == plan


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_scenarios_survive_being_resolved(name: str, tmp_path: Path) -> None:
    plan = load_scenario(name)
    pins = {"T01/day1/arrivals": 2**63 + 5, "T01/shop/name": "老王'早点\"\\n", "T01/u": 0.1 + 0.2, "T01/zero": 0}
    path = tmp_path / "resolved.yaml"
    write_resolved(plan, path, pins)
    again = load_file(path)
    assert again == dataclasses.replace(plan, decisions=pins)
    write_resolved(again, tmp_path / "twice.yaml")
    assert path.read_bytes() == (tmp_path / "twice.yaml").read_bytes()


def test_decisions_come_from_a_spill_file_as_it_is(tmp_path: Path) -> None:
    from harness.core.decisions import Decisions, open_spill
    from harness.core.streams import Streams

    spill = tmp_path / "decisions.txt"
    with open_spill(spill) as out:
        decisions = Decisions(Streams(3), spill=out)
        drawn = [decisions.uniform("a/0"), decisions.text("b", "", lambda bits: f"名 {bits}"), decisions.seed("c")]
    write_resolved(load_text("name: x\n"), tmp_path / "r.yaml", spill)
    pinned = load_file(tmp_path / "r.yaml").decisions
    assert pinned is not None and list(pinned.values()) == drawn


def test_a_hundred_thousand_decisions_load_in_seconds(tmp_path: Path) -> None:
    pins = {f"T{n % 20:02d}/a{n}/link.up/0": n / 100_003 for n in range(100_000)}
    path = tmp_path / "long.yaml"
    write_resolved(load_text("name: x\n"), path, pins)
    started = time.perf_counter()
    plan = load_file(path)
    assert time.perf_counter() - started < 3.0
    assert plan.decisions == pins


# ---------------------------------------------------------------- quantities


@given(US)
def test_durations_read_back(amount_us: int) -> None:
    assert quantities.duration_us(quantities.duration_text(amount_us)) == amount_us


@given(st.integers(0, 1 << 40))
def test_sizes_read_back(amount_bytes: int) -> None:
    assert quantities.size_bytes(quantities.size_text(amount_bytes)) == amount_bytes


@given(PERCENT)
def test_percentages_read_back(number: float) -> None:
    assert quantities.percent(quantities.percent_text(number)) == number


@given(st.integers(0, US_PER_DAY))
def test_times_of_day_read_back(at_us: int) -> None:
    assert quantities.clock_us(quantities.clock_text(at_us)) == at_us


@pytest.mark.parametrize(
    ("text", "amount_us"),
    [("90s", 90_000_000), ("250 ms", 250_000), ("2min 30s", 150_000_000), ("1.5 h", 5_400_000_000), ("0 us", 0)],
)
def test_durations_as_people_write_them(text: str, amount_us: int) -> None:
    assert quantities.duration_us(text) == amount_us


def test_sizes_are_binary_or_decimal_by_their_unit() -> None:
    assert quantities.size_bytes("4 KiB") == 4096 and quantities.size_bytes("4 kB") == 4000
    assert quantities.size_bytes("2.5 MB") == 2_500_000 and quantities.shift_us("-1 d") == -US_PER_DAY


# ---------------------------------------------------------------- shares


def test_merchants_are_dealt_out_by_their_shares() -> None:
    plan = load_text("name: x\nterminals: 20\nmerchants: {stall: 40%, hotel: 60%}\n")
    dealt = [plan.merchant_of(place) for place in range(20)]
    assert dealt.count("stall") == 8 and dealt.count("hotel") == 12
    assert load_text("name: x\nmerchants: petrol\n").merchant_of(0) == "petrol"
    assert plan.station_names()[0] == "T01" and plan.station_names()[-1] == "T20"
