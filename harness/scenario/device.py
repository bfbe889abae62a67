"""Device classes in scenarios: a class becomes a ``DevicePlan``, and keys that are given override it one by one."""

from __future__ import annotations

from dataclasses import replace

from harness.contract import Manifest
from harness.core.errors import UsageError
from harness.core.registry import nearest
from harness.device.classes import device_class
from harness.device.spec import SYSTEM_VOLUME, VolumeSpec
from harness.scenario.plan import DevicePlan, Plan, VolumePlan

DATA_VOLUME = "data"


def device_plan(name: str) -> DevicePlan:
    """The hardware of a device class, every value spelled out; UsageError naming the nearest class."""
    found = device_class(name)
    return DevicePlan(
        volumes=tuple(_volume_plan(volume) for volume in found.volumes),
        ram_bytes=found.ram_bytes,
        link=found.link,
        class_name=name,
    )


def on_device(plan: Plan, name: str) -> Plan:
    """The plan on devices of a class, instead of those that it describes; the roll of paper stays the scenario's.

    UsageError when a fault of the plan needs a volume that the class does not have.
    """
    device = replace(device_plan(name), paper_slips=plan.device.paper_slips)
    volumes = [volume.name for volume in device.volumes]
    for fault in plan.faults:
        wanted = [getattr(fault.fault, "volume", None)]
        if fault.trigger.fill_percent is not None:
            wanted.append(fault.trigger.fill_volume)
        for volume in wanted:
            if isinstance(volume, str) and volume not in volumes:
                hint = nearest(volume, volumes)
                raise UsageError(f"fault {fault.name!r} strikes volume {volume!r}, which {name} has not; {hint}")
    return replace(plan, device=device)


def refuse_too_small(plan: Plan, manifest: Manifest) -> None:
    """UsageError when the software says that it needs more room on its data volume than the device has."""
    if manifest.data_bytes_min is None:
        return
    for volume in plan.device.volumes:
        # The root directory takes its block before the software has any.
        needed = manifest.data_bytes_min + (volume.block_bytes if volume.directory_blocks else 0)
        if volume.name == DATA_VOLUME and volume.size_bytes < needed:
            where = f"device class {plan.device.class_name}" if plan.device.class_name else "the device"
            raise UsageError(
                f"{manifest.name} needs at least {needed:,} bytes on the volume {DATA_VOLUME!r}; {where} has "
                f"{volume.size_bytes:,}"
            )


def _volume_plan(spec: VolumeSpec) -> VolumePlan:
    assert spec.mount_point == ("/" if spec.name == SYSTEM_VOLUME else f"/{spec.name}")
    flash = spec.flash
    return VolumePlan(
        spec.name,
        spec.total_bytes,
        spec.block_size_bytes,
        spec.profile,
        spec.inode_limit,
        spec.partial_writes,
        spec.directory_blocks,
        spec.medium,
        None if flash is None else flash.erase_block_bytes,
        None if flash is None else flash.program_bytes,
        None if flash is None else flash.endurance_cycles,
    )
