"""The white box: the software's own records, read from an image of its disk by its own ``inspect``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

import msgspec

from harness.contract import Inspection, Record
from harness.history.events import Inspected, RecordSeen
from harness.storage.disk import Disk
from harness.storage.oplog import ROOT_INODE
from harness.sut.console import presentable

if TYPE_CHECKING:
    from harness.storage.pyfakefs_disk import PyfakefsDisk

RECORDS_MAX = 100_000


def volatile_image(disk: Disk) -> Mapping[str, bytes]:
    """Absolute path to content of every regular file, as a reader would see it now, in order of path."""
    files: dict[str, bytes] = {}
    if not disk.volumes:
        # The second disk: one tree for all volumes.
        tree = cast("PyfakefsDisk", disk).export().tree()
        files.update({path: content for path, content in tree.items() if content is not None})
    exported = disk.export() if disk.volumes else {}
    for volume in disk.volumes:
        contents = exported[volume.name]
        queue = [(volume.mount_point.rstrip("/"), ROOT_INODE)]
        while queue:
            place, number = queue.pop()
            for name, child in contents.directories[number].items():
                path = f"{place}/{name}"
                if child in contents.directories:
                    queue.append((path, child))
                elif child in contents.files:
                    files[path] = contents.files[child]
    return MappingProxyType(dict(sorted(files.items())))


def inspected_event(at_us: int, device: str, when: str, found: object) -> Inspected | None:
    """What ``inspect`` answered as an event; garbage becomes an event that says so. None: it offers nothing."""
    if found is None:
        return None
    problem = _problem(found)
    if problem:
        return Inspected(at_us, device, when, error=presentable(problem, 300))
    assert isinstance(found, Inspection)
    return Inspected(
        at_us,
        device,
        when,
        found.batch,
        found.next_stan,
        tuple(RecordSeen(each.stan, each.batch, each.kind, each.amount_fen, each.state) for each in found.records),
        found.pending_reversals,
        found.damaged_records,
        found.settling,
        totals=found.totals,
    )


def _problem(found: object) -> str:
    if not isinstance(found, Inspection):
        return f"inspect returned a {type(found).__name__}, not a harness.contract.Inspection"
    if not isinstance(found.records, tuple) or not all(type(each) is Record for each in found.records):
        return "inspect's records are no tuple of harness.contract.Record"
    if len(found.records) > RECORDS_MAX:
        return f"inspect returned {len(found.records)} records; {RECORDS_MAX} is the limit"
    reversals: object = found.pending_reversals
    if not isinstance(reversals, tuple):
        return f"inspect's pending_reversals is a {type(reversals).__name__}, not a tuple of str"
    try:
        fields = {name: getattr(found, name) for name in Inspection.__slots__ if name != "records"}
        fields["records"] = [{name: getattr(each, name) for name in Record.__slots__} for each in found.records]
        msgspec.convert(fields, Inspection, strict=True)
    except msgspec.ValidationError as error:
        return f"inspect's answer is not valid: {error}"
    return ""
