"""What happened around a finding: events in lanes, bands of faults, messages, and the disk, volatile against durable."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Lane: TypeAlias = Literal["operator", "terminal", "disk", "link", "host"]


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event of the history in a lane. ``number`` is its place in the history, ``message`` the number of its message."""

    number: int
    at_us: int
    lane: Lane
    kind: str
    """The event's type, such as MessageSent."""
    text: str
    device: str = ""
    """Empty for what happens to the run as a whole."""
    message: int | None = None
    guilty: bool = False
    facts: tuple[tuple[str, str], ...] = ()
    """All that the event says, by the names of the history's fields."""
    cut: int = 0
    """So many characters of its texts are left out."""
    place: str = ""
    """The lines of the software that it comes from, outermost first (``till.py:40 sale > till.py:88 charge``); of a power cut and
    a death where it stood. Empty where it does not come from a call of the software, or that is not known.
    """
    returned: bool = False
    """``place`` is a method, and this tells what it returned."""


class Band(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fault from its strike until it was lifted; None: to the end. ``damage`` cannot be lifted and is an instant.

    ``kind`` is no_power, without a ``fault``, for as long as a terminal has none.
    """

    fault: str
    kind: str
    family: str
    from_us: int
    until_us: int | None = None
    damage: bool = False
    bit: bool = False
    devices: tuple[str, ...] = ()
    text: str = ""


class Field(msgspec.Struct, frozen=True, omit_defaults=True):
    """One field of a message: its number, what the dialect calls it, and what it holds (masked; bytes as hexadecimal text).

    ``hidden``: so many characters or bytes are not shown, as they are card data or keys. ``size_bytes``: of bytes, all of them.
    ``parts``: what a composite field says, each a code of the texts (batch, trace, yuan, ...) and a value.
    """

    number: str
    name: str
    value: str = ""
    hidden: int = 0
    size_bytes: int = 0
    parts: tuple[tuple[str, str], ...] = ()


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message, decoded. ``fate``: delivered, dropped, or under way; ``direction``: up (to the host) or down.

    ``unanswered``: why the host sends nothing back, where it says so; a reason of ``history.events.RequestUnanswered``.
    """

    number: int
    direction: str
    mti: str
    title: str = ""
    sent_us: int = 0
    ended_us: int | None = None
    fate: str = ""
    why: str = ""
    size_bytes: int = 0
    fields: tuple[Field, ...] = ()
    error: str = ""
    altered: str = ""
    unanswered: str = ""


class Volume(msgspec.Struct, frozen=True, omit_defaults=True):
    """One volume of the guilty terminal. ``medium`` is its durability profile, ``promise`` what that says in one sentence."""

    name: str
    mount_point: str
    total_bytes: int
    medium: str
    promise: str = ""


class File(msgspec.Struct, frozen=True, omit_defaults=True):
    """One path as the software sees it (volatile), and as a power cut would be sure to leave it (durable).

    A size of None: it is not there. ``changed``: it is there in both, and the contents differ.
    """

    path: str
    volatile_bytes: int | None = None
    durable_bytes: int | None = None
    changed: bool = False
    directory: bool = False


class Disk(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is new on one volume since its entry before: all entries up to an event's number, laid over each other, are the
    volume at that event.
    """

    number: int
    volume: str
    files: tuple[File, ...] = ()
    """Paths that are new, or are not what they were."""
    gone: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    """What was done to the volume since then, in words."""
    done_at: tuple[str, ...] = ()
    """Of each of these the lines of the software, as in ``Step.place``; of none where none is known."""
    at_risk: tuple[str, ...] = ()
    """What a power cut at this instant may do to what has been written, in words: the latest of it."""
    at_risk_at: tuple[str, ...] = ()
    """Of each the lines that wrote it."""
    done_left_out: int = 0
    at_risk_left_out: int = 0
    files_left_out: int = 0
    free_bytes: int = 0


class Lost(msgspec.Struct, frozen=True, omit_defaults=True):
    """One operation that a power cut took or tore. ``place``: the lines of the software that made it.

    ``why`` is a code: under_way (it had not returned), syncing (what would have made it durable had not), dropped (a failed fsync
    had dropped it), kept_not (what makes it durable had returned), unsynced, and unsynced_name: nothing of the kind had come.
    ``by``: the lines of that fsync. ``at_us``: when the call was made, where that is known.
    """

    text: str
    place: str = ""
    why: str = ""
    by: str = ""
    at_us: int = 0


class Taken(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a power cut took of one volume; event ``number`` of the history tells it, too.

    ``blamed``: the finding is put down to this cut, as far as that can be known.
    """

    number: int
    at_us: int
    volume: str
    lost: tuple[Lost, ...] = ()
    left_out: int = 0
    blamed: bool = False
