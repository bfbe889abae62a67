"""Putting a terminal in service on data from before the run: device, host and history begin as ``field_data`` says.

Models: one device at virtual time 0, before power comes on. Does not model: where the data come from.
"""

from __future__ import annotations

from typing import Literal

from harness.core.errors import UsageError
from harness.history.events import Event, ImageLoaded, Inspected, LedgerChanged, RecordSeen
from harness.host.acquirer import Acquirer
from harness.host.handover import adopted, put, sign_on
from harness.host.ledger import Entry
from harness.scenario.field_data import FieldData, pad_state
from harness.storage.snapshot import NOTE_NAME
from harness.storage.snapshot_read import shown
from harness.sut.station import Station

BEFORE = "before the run"
_CLOCK_OFFSET_US_MAX = 1 << 53


def put_in_service(station: Station, data: FieldData, seed: int, master_key: bytes) -> tuple[Event, ...]:
    """``station``, whose disk holds the image, becomes a terminal that has traded; the host knows it as one.

    What is to be told of it, once somebody listens.
    """
    hardware, world = station.hardware, station.world
    hardware.nvram.content[:] = data.nvram
    if data.record is not None:
        offset_us = data.record.clock_offset_us
        hardware.rtc.offset_us = max(-_CLOCK_OFFSET_US_MAX, min(_CLOCK_OFFSET_US_MAX, offset_us))
    seen = _look(station)
    entries, how = _host_side(world.acquirer, station, data, seen)
    signed_on = data.record is None or data.record.acquirer is None or data.record.acquirer.signed_on
    working = {str(slot): key for slot, key in sign_on(world.acquirer, station.tid).items()} if signed_on else {}
    hardware.pin_pad.restore(pad_state(data, station.name, seed, master_key, working))
    told: list[Event] = [ImageLoaded(0, station.name, data.source, how)]
    if seen is not None:
        told.append(seen)
    kept = (
        {(_plain(each.batch), _plain(each.stan)) for each in seen.records if each.state == "active"} if seen else set()
    )
    for entry in entries:
        place = (_plain(entry.batch), _plain(entry.stan))
        if entry.moves_money and (place in kept or ("", place[1]) in kept):
            told.append(
                LedgerChanged(
                    0, entry.device, entry.number, entry.kind, entry.state, "", entry.batch, entry.stan,
                    entry.amount_fen, "", entry.response_code, BEFORE,
                )
            )  # fmt: skip
    return tuple(told)


def _look(station: Station) -> Inspected | None:
    """What the software's own ``inspect`` reads in the image; None when it offers none."""
    seen = station.inspected("loaded")
    # Whether it answers at all is asked again at rest, when it has been ready once.
    return seen if isinstance(seen, Inspected) else None


def _host_side(
    acquirer: Acquirer, station: Station, data: FieldData, seen: Inspected | None
) -> tuple[list[Entry], Literal["snapshot", "records", "adopted"]]:
    """Let the host know the terminal as well as anybody here does; the entries it holds of it."""
    session = acquirer.session(station.tid)
    if data.record is not None and data.record.acquirer is not None:
        try:
            return put(acquirer, station.tid, data.record.acquirer), "snapshot"
        except ValueError as error:
            raise UsageError(f"{shown(data.directory / NOTE_NAME)}: acquirer: {error}") from None
    session.was_in_service = True
    if seen is not None and not seen.error and _is_number(seen.batch):
        return put(acquirer, station.tid, adopted(seen.batch, _sound(seen))), "records"
    session.adopts_batch = True
    return [], "adopted"


def _sound(seen: Inspected) -> list[RecordSeen]:
    """Records that a ledger could hold at all; damaged ones stay the terminal's own affair."""
    return [
        each
        for each in seen.records
        if each.amount_fen > 0 and _is_number(each.stan) and (not each.batch or _is_number(each.batch))
    ]


def _is_number(text: str) -> bool:
    return 0 < len(text) <= 6 and text.isascii() and text.isdigit() and int(text) > 0


def _plain(text: str) -> str:
    return text.lstrip("0") or ("0" if text else "")
