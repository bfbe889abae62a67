"""The loop: real sockets, and a world whose time is the clock on the wall.

Models: nothing. One thread; virtual time is moved to the present before anything is looked at, and to its next event at the
latest, so a delay of the link is as long in real time. Callers are bounded in number, in what is held for each and for all, and
in how long a line may say nothing. Source: selectors, RFC 9293 for resets.
"""

from __future__ import annotations

import contextlib
import resource
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.engine.live.line import Line, bound_to
from harness.engine.live.site import Site

CALLERS_MAX = 12_000
IDLE_S = 300.0
_TICK_S = 0.5
_BACKLOG = 512
_ACCEPTED_AT_ONCE = 64
_OWN_DESCRIPTORS = 64
_KERNEL_HOLDS_BYTES = 1 << 15
"""Of answers to one caller: left to itself, the kernel would hold megabytes for each."""
UNDER_WAY_MAX = 20_000
"""Messages of all callers that are on the virtual links: before some have come through, nothing more is read."""
_READ_BYTES = 1 << 16
"""Of all callers in one turn, and at least a few messages of each: whoever comes then is heard soon."""
_READ_MOST_BYTES, _READ_LEAST_BYTES = 1 << 13, 1 << 8
_PAUSE_S = 0.002


@dataclass(slots=True)
class Counts:
    """What has come and gone."""

    callers: int = 0
    turned_away: int = 0
    cut: int = 0
    open: int = 0
    peers: dict[str, str] = field(default_factory=dict)
    """Terminal numbers that called last, and from where."""


class Server:
    """``site`` at one address and port; ``port`` 0 takes any that is free."""

    def __init__(
        self, site: Site, address: str, port: int, *, callers_max: int = CALLERS_MAX, idle_s: float = IDLE_S
    ) -> None:
        self.site = site
        self.counts = Counts()
        self.stopped = False
        self.on_tick: Callable[[], None] = lambda: None
        """Called at least twice a second."""
        self.on_cut: Callable[[Line], None] = lambda line: None
        self.on_turn: Callable[[], None] = lambda: None
        """Called whenever everything that was due has been done, before anything is waited for."""
        self._env = site.built.world.env
        self._selector = selectors.DefaultSelector()
        self._callers_max = _room(callers_max)
        self._idle_s = idle_s
        self._lines: dict[Line, None] = {}
        self._due: dict[Line, None] = {}
        """Lines to look after before anything is waited for."""
        self._held_back: dict[Line, None] = {}
        """Lines of which nothing is read for the time being."""
        self._listener = bound_to(address, port, _BACKLOG)
        self.port: int = self._listener.getsockname()[1]
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._began_s = 0.0
        self._ticked_s = 0.0

    def run(self) -> None:
        """Serve until ``stopped``; may be set from a signal handler."""
        self._began_s = time.monotonic()
        try:
            while not self.stopped:
                ready = self._selector.select(self._patience_s())
                each_bytes = min(_READ_MOST_BYTES, max(_READ_LEAST_BYTES, _READ_BYTES // max(len(ready), 1)))
                for key, events in ready:
                    self._catch_up()
                    if key.fileobj is self._listener:
                        self._accept()
                    else:
                        self._look_at(key.data, events, each_bytes)
                self._catch_up()
                self._serve_due()
                self.on_turn()
                if len(self._env._queue) > UNDER_WAY_MAX:
                    time.sleep(_PAUSE_S)
                if time.monotonic() - self._ticked_s >= _TICK_S:
                    self._tick()
        finally:
            self._close()

    def stop(self) -> None:
        """No more calls."""
        self.stopped = True

    # ------------------------------------------------------------ time

    def _now_us(self) -> int:
        return self.site.start_us + int((time.monotonic() - self._began_s) * 1e6)

    def _catch_up(self) -> None:
        now_us = self._now_us()
        if now_us > self._env.now:
            self._env.run(until=now_us)
        while self._env.peek() <= self._env.now:
            self._env.step()  # what is due at this very instant, else nobody would ever wait for anything

    def _patience_s(self) -> float:
        left_s = (self._env.peek() - self._now_us()) / 1e6
        return min(max(left_s, 0.0), _TICK_S)

    # ------------------------------------------------------------ lines

    def _accept(self) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                end, peer = self._listener.accept()
            except BlockingIOError:
                return
            except OSError:
                self.counts.turned_away += 1  # it has gone already, or there is no descriptor left for it
                return
            self.counts.callers += 1
            if len(self._lines) >= self._callers_max:
                self.counts.turned_away += 1
                end.close()
                continue
            end.setblocking(False)
            with contextlib.suppress(OSError):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_HOLDS_BYTES)
            line = Line(self.site, end, f"{peer[0]}:{peer[1]}", time.monotonic(), self._is_due)
            self._lines[line] = None
            self._selector.register(end, selectors.EVENT_READ, line)

    def _is_due(self, line: Line) -> None:
        self._due[line] = None

    def _look_at(self, line: Line, events: int, most_bytes: int) -> None:
        now_s = time.monotonic()
        if events & selectors.EVENT_READ and len(self._env._queue) <= UNDER_WAY_MAX:
            line.arrived(now_s, most_bytes)
            if line.tid in self.site.links:
                self.counts.peers[line.tid] = line.peer
        if events & selectors.EVENT_WRITE and not line.closed:
            line.flush(now_s)
        self._is_due(line)

    def _serve_due(self) -> None:
        now_s = time.monotonic()
        while self._due:
            line, _ = self._due.popitem()
            if line not in self._lines:
                continue
            line.serve(now_s)
            if line.closed:
                self._forget(line)
                continue
            self._listen_to(line)

    def _listen_to(self, line: Line) -> None:
        """What is waited for on its socket: nothing more is read while too much of it is under way."""
        if line.is_busy:
            read = 0
            self._held_back[line] = None
        else:
            read = selectors.EVENT_READ
            self._held_back.pop(line, None)
        wanted = read | (selectors.EVENT_WRITE if line.outgoing else 0)
        watched = self._selector.get_map().get(line.end)
        before = 0 if watched is None else watched.events
        if wanted == before:
            return
        if not before:
            self._selector.register(line.end, wanted, line)
        elif not wanted:
            self._selector.unregister(line.end)
        else:
            self._selector.modify(line.end, wanted, line)

    def _forget(self, line: Line) -> None:
        del self._lines[line]
        self._held_back.pop(line, None)
        if line.end in self._selector.get_map():
            self._selector.unregister(line.end)
        if line.why:
            self.counts.cut += 1
            self.on_cut(line)
        line.hang_up()

    def _tick(self) -> None:
        self._ticked_s = time.monotonic()
        for line in [each for each in self._lines if each.overdue(self._ticked_s, self._idle_s)]:
            line.cut(line.overdue(self._ticked_s, self._idle_s))
            self._forget(line)
        for line in tuple(self._held_back):
            self._listen_to(line)
        self.counts.open = len(self._lines)
        self.site.built.injector.look()
        self.on_tick()

    def _close(self) -> None:
        for line in self._lines:
            line.close()
            line.hang_up()
        self._lines.clear()
        self._held_back.clear()
        self._selector.close()
        self._listener.close()


def _room(callers_max: int) -> int:
    """How many callers there may be, with the open files that this process may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = callers_max + _OWN_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return max(1, most - _OWN_DESCRIPTORS)
    return callers_max
