"""``device: {class: ...}`` and ``--device``: the class gives every value, what is given overrides it, wrong names are told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.device.classes import DEVICE_CLASSES, device_class
from harness.engine.child import adjusted
from harness.engine.request import RunRequest, replay_line
from harness.faults.base import FaultPlan, Trigger
from harness.faults.full_storage import FullStorage
from harness.scenario.device import device_plan, on_device, refuse_too_small
from harness.scenario.load import load_file, load_text
from harness.scenario.plan import DevicePlan, Plan, VolumePlan
from harness.scenario.problems import ScenarioErrors
from harness.scenario.resolve import plan_text, write_resolved
from harness.storage.flash import FLASH, Flash
from harness.storage.latency import EMMC
from tests.faults.fault_bench import SMALL, run, shipped

NAMES = DEVICE_CLASSES.names()
DAY = replace(SMALL, terminals=1, sales_per_day=150, acceptance_percent=99.0)


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_trades_a_plain_day_on_it(name: str) -> None:
    outcome = run(on_device(DAY, name))
    assert outcome.verdict.status == "pass", (outcome.verdict.findings, outcome.verdict.inconclusive_because)
    found = device_class(name)
    hardware = outcome.built.world.stations[0].hardware
    assert hardware.spec.volumes == found.volumes
    assert (hardware.memory.budget_bytes, hardware.spec.link) == (found.ram_bytes, found.link)


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_on_a_class_is_written_out_in_full_and_read_back_equal(name: str, tmp_path: Path) -> None:
    plan = load_text(f"name: x\ndevice: {{class: {name}}}\n")
    assert plan.device == device_plan(name) and plan.device.class_name == name
    text = plan_text(plan)
    assert "class" not in text, "a class that changes later must not change an old case"
    assert load_text(text) == plan
    write_resolved(replace(plan, seed=3), tmp_path / "r.yaml", {"T01/u": 1})
    assert load_file(tmp_path / "r.yaml").device == plan.device


def test_keys_that_are_given_override_the_class_one_by_one() -> None:
    plan = load_text(
        "name: x\ndevice: {class: mpos-littlefs, ram: 2 MiB, volumes: {data: {size: 256 KiB}, card: {profile: fat}}}\n"
    )
    known = device_plan("mpos-littlefs")
    volumes = {volume.name: volume for volume in plan.device.volumes}
    assert list(volumes) == ["system", "data", "card"]
    assert volumes["system"] == known.volumes[0]
    assert volumes["data"] == replace(known.volumes[1], size_bytes=256 * 1024)
    assert volumes["card"] == VolumePlan("card", profile="fat")
    assert (plan.device.ram_bytes, plan.device.link) == (2 << 20, known.link)


def test_a_scenario_profile_is_a_key_that_is_given() -> None:
    plan = load_text("name: x\nprofile: posix-weak\ndevice: {class: traditional-fat}\n")
    assert {volume.profile for volume in plan.device.volumes} == {None} and plan.profile == "posix-weak"
    one = load_text("name: x\nprofile: posix-weak\ndevice: {class: traditional-fat, volumes: {data: {profile: fat}}}\n")
    assert [volume.profile for volume in one.device.volumes] == [None, "fat", None]


def test_without_a_class_volumes_replace_the_default_ones() -> None:
    assert load_text("name: x\ndevice: {volumes: {cache: {}}}\n").device == DevicePlan((VolumePlan("cache"),))
    assert load_text("name: x\ndevice: {link: wifi}\n").device == DevicePlan(link="wifi")
    with pytest.raises(ScenarioErrors, match="at least one volume"):
        load_text("name: x\ndevice: {volumes: {}}\n")


def test_what_a_file_says_of_a_volume_is_what_the_device_has() -> None:
    keys = "{medium: emmc, erase_block: 64 KiB, program_unit: 1 KiB, endurance_cycles: 5, block_size: 8 KiB, inode_limit: 9}"
    plan = load_text(f"name: x\ndays: {{open: '09:00', close: '10:00'}}\ndevice: {{volumes: {{data: {keys}}}}}\n")
    (_, data) = run(replace(plan, sales_per_day=1)).built.world.stations[0].hardware.spec.volumes
    assert data.flash == Flash(64 * 1024, 1024, 5, FLASH["emmc"].spare_permille)
    assert (data.latency, data.block_size_bytes, data.inode_limit) == (EMMC, 8192, 9)


WRONG = {
    "class: mpos-row": "2:17: device.class: no device class named 'mpos-row'; did you mean 'mpos-raw'",
    "volumes: {data: {medium: nand}}": "no medium named 'nand'; did you mean 'slc-nand'",
    "volumes: {data: {erase_block: 100 B}}": "device.volumes.data.erase_block: expected 512 B to 16 MiB",
    "volumes: {data: {program_unit: 0 B}}": "device.volumes.data.program_unit: expected 1 B to 16 MiB",
    "volumes: {data: {endurance_cycles: 0}}": "device.volumes.data.endurance_cycles: expected at least 1",
}


@pytest.mark.parametrize("keys", WRONG)
def test_what_is_wrong_is_told_with_its_place(keys: str) -> None:
    with pytest.raises(ScenarioErrors) as refused:
        load_text(f"name: x\ndevice: {{{keys}}}\n", "f.yaml")
    assert WRONG[keys] in str(refused.value) and int(refused.value.exit_code) == 4


# ---------------------------------------------------------------- the command line


def test_device_on_the_command_line_replaces_the_hardware_and_profile_still_wins() -> None:
    plan = replace(SMALL, device=DevicePlan((VolumePlan("data", 1 << 20),), paper_slips=7))
    found = adjusted(plan, RunRequest(scenario="x", device="android-ext4"))
    assert found.device == replace(device_plan("android-ext4"), paper_slips=7)
    weak = adjusted(plan, RunRequest(scenario="x", device="android-ext4", profile="posix-weak"))
    assert {volume.profile for volume in weak.device.volumes} == {None} and weak.profile == "posix-weak"
    assert "--device android-ext4 --profile posix-weak" in replay_line(
        RunRequest(scenario="x", device="android-ext4", profile="posix-weak"), "x", "reference", 1
    )
    with pytest.raises(UsageError, match="did you mean 'android-ext4'"):
        adjusted(plan, RunRequest(scenario="x", device="android-ext"))


@pytest.mark.parametrize(
    "fault",
    [FaultPlan("f", FullStorage("cache")), FaultPlan("f", FullStorage(), Trigger(fill_volume="cache", fill_percent=9))],
    ids=["strikes it", "waits for it"],
)
def test_a_fault_on_a_volume_that_the_class_lacks_is_refused_before_the_run(fault: FaultPlan) -> None:
    plan = replace(SMALL, faults=(fault,))
    assert on_device(plan, "legacy").device.class_name == "legacy"
    with pytest.raises(
        UsageError, match="fault 'f' strikes volume 'cache', which mpos-raw has not; known: system, data"
    ):
        on_device(plan, "mpos-raw")


# ---------------------------------------------------------------- too small


def sized(data_bytes: int, *, directory_blocks: bool = False) -> Plan:
    volume = VolumePlan("data", data_bytes, directory_blocks=directory_blocks)
    return replace(SMALL, terminals=1, sales_per_day=20, device=DevicePlan((volume,)))


def test_a_volume_too_small_is_refused_with_the_bytes_that_are_needed() -> None:
    manifest = shipped("reference").manifest
    needed = manifest.data_bytes_min
    assert needed is not None
    with pytest.raises(
        UsageError, match="reference needs at least 16,384 bytes on the volume 'data'; the device has 12,288"
    ):
        run(sized(needed - 4096))
    with pytest.raises(UsageError, match="at least 20,480 bytes"):
        refuse_too_small(sized(needed, directory_blocks=True), manifest)
    small = replace(device_plan("mpos-raw"), volumes=(VolumePlan("data", 8192),))
    with pytest.raises(UsageError, match="device class mpos-raw has 8,192"):
        refuse_too_small(replace(SMALL, device=small), manifest)
    refuse_too_small(sized(8192), replace(manifest, data_bytes_min=None))


def test_what_the_manifest_says_is_enough_is_enough() -> None:
    """The figure is the software's own; on a volume of just that size it trades, on one block less it would not."""
    needed = shipped("reference").manifest.data_bytes_min
    assert needed is not None
    assert run(sized(needed)).verdict.status == "pass"
    assert run(sized(needed + 4096, directory_blocks=True)).verdict.status == "pass"
