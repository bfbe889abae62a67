"""The base of events."""

import msgspec


class Event(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="event", tag=True):
    """What all events share."""

    at_us: int
