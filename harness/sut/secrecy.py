"""Looking for customers' card data in all that a device keeps: files and their names, pages freed lately, and the NVRAM.

Models: the search of an auditor who has the device and knows the cards that it has seen. Nothing is changed by looking.
Does not model: RAM; the PIN pad, which is made to keep secrets; what is on its way to the host.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.device.secrets import Found
from harness.history.events import SecretFound, SecretsSought
from harness.storage.contents import export_volume
from harness.sut.console import presentable
from harness.sut.free_pages import freed
from harness.sut.inspection import volatile_image

if TYPE_CHECKING:
    from harness.sut.station import Station

TOLD_MAX = 20
"""Of one search so many are told one by one, of the oldest presentations first; the others are counted."""
_FILE_BYTES_MAX = 8 << 20


def search(station: Station, when: str) -> None:
    """Search what the device keeps now and record what is found. Nothing is recorded before the first card was read."""
    hardware, world = station.hardware, station.world
    secrets = hardware.secrets
    if not len(secrets):
        return
    found: list[tuple[str, str, Found]] = []
    searched_bytes = 0
    for path, content in volatile_image(hardware.disk).items():
        part = content[:_FILE_BYTES_MAX]
        searched_bytes += len(part)
        found += [("file_name", path, each) for each in secrets.in_bytes(path.encode("utf-8", "surrogateescape"))]
        found += [("file", path, each) for each in secrets.in_bytes(part)]
    for path, content in _freed_lately(station):
        searched_bytes += len(content)
        found += [("free_page", path, each) for each in secrets.in_bytes(content[:_FILE_BYTES_MAX])]
    memory = bytes(hardware.nvram.content)
    searched_bytes += len(memory)
    found += [("nvram", "", each) for each in secrets.in_bytes(memory)]
    now_us, order = world.now_us, secrets.order()
    for where, path, each in sorted(found, key=lambda told: order.get(told[2].token, 0))[:TOLD_MAX]:
        shown_path = secrets.in_text(presentable(path))[0]
        world.recorder.emit(
            SecretFound(now_us, station.name, each.kind, where, shown_path, each.offset, each.pan, each.token, when)
        )
    world.recorder.emit(SecretsSought(now_us, station.name, when, len(secrets), searched_bytes, len(found)))


def _freed_lately(station: Station) -> Iterator[tuple[str, bytes]]:
    for volume in station.hardware.disk.volumes:
        base = station.durability.base(volume)
        for name, content in freed(volume.log, base.files, export_volume(volume)):
            yield f"{volume.mount_point.rstrip('/')}/{name}", content
