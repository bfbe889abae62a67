"""One processor for a program and its supervisor: each call of the program is a hand-over to the supervisor and back, and waking
somebody on another processor costs more than all the rest of it.

Models: harness processes side by side, each on a processor of its own as long as there are enough. Which ones are taken is known
by names in the abstract namespace of local sockets: the kernel forgets a name with the process that holds it.
Does not model: what else the machine does. ``HARNESS_PIN=0`` in the environment leaves the choice to the kernel.
Source: sched_setaffinity(2), unix(7); measured: a call costs 3 us on one processor and 60 us across two.
"""

from __future__ import annotations

import os
import socket

_NAME = "terminal-fault-harness processor {} place {}"
_PLACES = 8
_held: list[socket.socket] = []


def is_wanted() -> bool:
    """Whether the environment leaves it switched on."""
    return os.environ.get("HARNESS_PIN") != "0"


def take_processor() -> int | None:
    """Bind this process, and what it starts, to the processor that the fewest others have taken; None when it has but one."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2 or _held:
        return None
    for place in range(_PLACES):
        for processor in allowed:
            if _is_taken(processor, place):
                continue
            os.sched_setaffinity(0, {processor})
            return processor
    return None


def _is_taken(processor: int, place: int) -> bool:
    """Whether another process has this place; if not, it is ours from here on."""
    mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        mark.bind("\0" + _NAME.format(processor, place))
    except OSError:
        mark.close()
        return True
    _held.append(mark)
    return False
