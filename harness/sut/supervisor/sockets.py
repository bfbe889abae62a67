"""A program's TCP sockets, from socket(2) to close(2): unconnected, under way, connected, listening.

Models: connect, accept, send, receive and shutdown with Linux's results and errors, blocking, with timeouts, and not; an
operation under way keeps its socket open. Connections to the acquirer go over the device's link, those to the device itself to
its programs.
Does not model: other hosts, urgent data, connect anew on a socket that an epoll watches (its interest is lost).
Source: socket(7), tcp(7), connect(2), accept(2), recv(2); Linux net/ipv4/af_inet.c and tcp.c for what comes after an error.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import simpy

from harness.sut.supervisor.loopback import ANY, Ports, is_loopback
from harness.sut.supervisor.objects import Opened
from harness.sut.supervisor.operations import operate
from harness.sut.supervisor.registry import Reply
from harness.sut.supervisor.streams import LinkStream, LocalStream, Shown, Stream
from harness.sut.supervisor.tasks import Task
from harness.sut.supervisor.vectors import scatter

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler

MSG_OOB, MSG_PEEK, MSG_DONTWAIT, MSG_WAITALL, MSG_ERRQUEUE, MSG_NOSIGNAL = 0x01, 0x02, 0x40, 0x100, 0x2000, 0x4000
_WAITALL_PIECE = 1 << 16
_BACKLOG = 128


class Socket(Opened):
    """A TCP socket of the device."""

    kind = "socket"

    def __init__(self, family: int, ports: Ports, *, blocking: bool, end: socket.socket | None = None) -> None:
        self._end = end if end is not None else socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        """The kernel's object, of which the program holds a copy: what poll and epoll look at."""
        if not blocking or end is not None:
            self._end.setblocking(blocking)
        super().__init__(self._end.fileno())
        self.family = family
        self.blocking = blocking
        self.local: tuple[str, int] | None = None
        self.peer: tuple[str, int] | None = None
        self.receive_timeout_ns: int | None = None
        self.send_timeout_ns: int | None = None
        self.abort_on_close = False
        self.options: dict[tuple[int, int], int] = {}
        self.shut_read = self.shut_write = False
        self.error = 0
        """The error that is pending."""
        self.stream: Stream | None = None
        self.listening: deque[Socket] | None = None
        """Of one that listens: the other ends of connections that nobody has accepted."""
        self._ports = ports
        self._phase: Literal["idle", "connecting", "connected"] = "idle"
        self._attempt: simpy.Event | None = None
        self._shown: Shown | None = None

    @property
    def reuse_address(self) -> bool:
        """SO_REUSEADDR."""
        return bool(self.options.get((socket.SOL_SOCKET, socket.SO_REUSEADDR)))

    @property
    def reuse_port(self) -> bool:
        """SO_REUSEPORT."""
        return bool(self.options.get((socket.SOL_SOCKET, socket.SO_REUSEPORT)))

    # ------------------------------------------------------------ what the world did

    def refresh(self, scheduler: Scheduler) -> None:
        """Take in what the world did, and make the kernel's object as ready as the socket is."""
        attempt = self._attempt
        if attempt is not None and attempt.processed:
            self._attempt = None
            if attempt.ok:
                shown = self._shown if self._shown is not None else Shown(self._end, self._ports.gate)
                self._shown = shown
                assert attempt.value is not None
                connection = attempt.value
                if scheduler.secure is not None:
                    connection = scheduler.secure(connection)
                self.stream = LinkStream(connection, shown)
            else:
                self.error = _errno_of(attempt.value)
                if self._shown is not None:
                    self._shown.break_()
        stream = self.stream
        if stream is not None:
            was_broken = stream.broken
            stream.refresh(scheduler.time.notify)
            if stream.broken and not was_broken:
                self.error = errno.ECONNRESET

    def take_error(self, scheduler: Scheduler) -> int:
        """The pending error, which is told once (SO_ERROR)."""
        self.refresh(scheduler)
        error, self.error = self.error, 0
        if error and self._shown is not None:
            self._shown.cleared()
        return error

    # ------------------------------------------------------------ connecting

    def connect(self, scheduler: Scheduler, task: Task, ip: str, port: int) -> Reply:
        """connect(2)."""
        self.refresh(scheduler)
        if self._phase == "connected" or self.listening is not None:
            raise OSError(errno.EISCONN, "connected")
        late = errno.EINPROGRESS
        if self._phase == "connecting":
            late = errno.EALREADY
            if self._attempt is not None and not self.blocking:
                raise OSError(errno.EALREADY, "under way")
        else:
            self._begin(scheduler, task, ip, port)
            if not self.blocking:
                raise OSError(errno.EINPROGRESS, "under way")

        def step() -> int | None:
            self.refresh(scheduler)
            return None if self._attempt is not None else self._outcome(scheduler)

        return operate(scheduler, task, self, step, self.send_timeout_ns, late, waits=self.blocking, left=self._show)

    def _begin(self, scheduler: Scheduler, task: Task, ip: str, port: int) -> None:
        scheduler.process.settle_debt()
        network = scheduler.process.network
        if self._ports.is_own(ip):
            self._connect_local(scheduler, task, "127.0.0.1" if ip in ANY else ip, port)
            return
        if network is None or ":" in ip:
            raise OSError(errno.ENETUNREACH, "no network")
        if ip != network.host_ip:
            scheduler.refuse(f"a connection to {ip}:{port}, which is not the acquirer, was refused")
            raise OSError(errno.EHOSTUNREACH, "no such host")
        self._anew(scheduler, task)
        self._phase, self.peer = "connecting", (ip, port)
        self._bind_for(network.own_ip)
        attempt = self._attempt = network.connect(port, by_name=False)
        assert attempt.callbacks is not None
        attempt.callbacks.append(scheduler.time.notify)
        if not self.blocking:
            self._show()

    def _connect_local(self, scheduler: Scheduler, task: Task, ip: str, port: int) -> None:
        self._anew(scheduler, task)
        self._phase, self.peer = "connecting", (ip, port)
        self._bind_for("127.0.0.1" if is_loopback(ip) else ip)
        listener = self._ports.listener(ip, port)
        if listener is None or listener.listening is None or len(listener.listening) >= _BACKLOG:
            self.error = errno.ECONNREFUSED
            if not self.blocking:
                self._show()
                assert self._shown is not None
                self._shown.break_()
            return
        self._end.connect(listener._end.getsockname())
        listener.listening.append(self)
        self.stream = LocalStream(self._end, self._ports.gate)

    def _bind_for(self, ip: str) -> None:
        if self.local is None:
            self._ports.bind(self, ip, 0)
        elif self.local[0] in ANY:
            self.local = (ip, self.local[1])

    def _anew(self, scheduler: Scheduler, task: Task) -> None:
        """The kernel's object has been used for an attempt that failed: the program gets another in its place."""
        if self._shown is None:
            return
        self._shown.close()
        self._shown = None
        old, self._end = self._end, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._end.setblocking(self.blocking)
        self.kernel_end = self._end.fileno()
        for number, slot in task.program.slots.items():
            if slot.opened is self:
                scheduler.give(task, self.kernel_end, number=number, close_on_exec=slot.close_on_exec, returns=False)
        old.close()

    def _show(self) -> None:
        """An attempt goes on without anybody waiting for it."""
        if self._shown is None and (self._attempt is not None or self.error):
            self._shown = Shown(self._end, self._ports.gate)
            self._shown.under_way()

    def _outcome(self, scheduler: Scheduler) -> int:
        """An attempt is over: told once."""
        if self.stream is not None:
            self._phase = "connected"
            return 0
        self._phase = "idle"
        raise OSError(self.take_error(scheduler) or errno.ECONNABORTED, "failed")

    # ------------------------------------------------------------ listening

    def listen(self) -> None:
        """listen(2)."""
        if self._phase != "idle":
            raise OSError(errno.EINVAL, "connected")
        if self.listening is not None:
            return
        if self.local is None:
            self._ports.bind(self, "::" if self.family == socket.AF_INET6 else "0.0.0.0", 0)
        if not self._ports.may_listen(self):
            raise OSError(errno.EADDRINUSE, "taken")
        self._end.bind("")
        self._end.listen(_BACKLOG)
        self.listening = deque()

    def accept(self, scheduler: Scheduler, task: Task, flags: int, told: Callable[[tuple[str, int]], None]) -> Reply:
        """accept4(2). ``told`` gets the peer's address."""
        if self.listening is None:
            raise OSError(errno.EINVAL, "it does not listen")

        def step() -> int | None:
            if self.shut_read or self.listening is None:
                raise OSError(errno.EINVAL, "shut down")
            if not self.listening:
                return None
            client = self.listening.popleft()
            end, _ = self._end.accept()
            accepted = Socket(self.family, self._ports, blocking=not flags & os.O_NONBLOCK, end=end)
            accepted.options = dict(self.options)
            stream = LocalStream(end, self._ports.gate)
            accepted._phase, accepted.stream = "connected", stream
            if isinstance(client.stream, LocalStream):
                stream.peer, client.stream.peer = client.stream, stream
            assert client.peer is not None and client.local is not None
            accepted.local, accepted.peer = client.peer, client.local
            told(client.local)
            close_on_exec = bool(flags & os.O_CLOEXEC)
            number = scheduler.give(task, accepted.kernel_end, close_on_exec=close_on_exec, returns=False)
            task.program.install(number, accepted, close_on_exec=close_on_exec)
            return number

        return operate(scheduler, task, self, step, self.receive_timeout_ns, errno.EAGAIN, waits=self.blocking)

    # ------------------------------------------------------------ data

    def send(self, scheduler: Scheduler, task: Task, data: bytes, flags: int) -> Reply:
        """send(2): every message that the bytes complete is on its way now."""
        sent = 0
        waits = self.blocking and not flags & MSG_DONTWAIT

        def step() -> int | None:
            nonlocal sent
            try:
                taken = self._put(scheduler, data[sent:])
            except OSError:
                if sent:
                    return sent
                raise
            sent += taken or 0
            return sent if sent == len(data) or (sent and not waits) else None

        def failed(error: OSError) -> None:
            if isinstance(error, BrokenPipeError) and not flags & MSG_NOSIGNAL:
                scheduler.signals.send(task.program, signal.SIGPIPE, task)

        return operate(
            scheduler, task, self, step, self.send_timeout_ns, errno.EAGAIN,
            waits=waits, part=lambda: sent, failed=failed,
        )  # fmt: skip

    def _put(self, scheduler: Scheduler, data: bytes) -> int | None:
        # What was written to flash before has taken its time before the message leaves.
        scheduler.process.settle_debt()
        self.refresh(scheduler)
        if self.error:
            raise OSError(self.take_error(scheduler), "pending")
        if self.stream is None and self._attempt is not None:
            return None
        if self.stream is None or self.shut_write:
            raise BrokenPipeError(errno.EPIPE, "no way to send")
        return self.stream.send(data)

    def receive(self, scheduler: Scheduler, task: Task, parts: list[tuple[int, int]], flags: int) -> Reply:
        """recv(2) into a vector."""
        if flags & MSG_ERRQUEUE:
            raise OSError(errno.EAGAIN, "no errors are queued")
        if flags & MSG_OOB:
            raise OSError(errno.EINVAL, "no urgent data")
        size = sum(length for _, length in parts)
        peek = bool(flags & MSG_PEEK)
        whole = bool(flags & MSG_WAITALL) and not peek
        scheduler.process.settle_debt()
        done = bytearray()

        def step() -> int | None:
            self.refresh(scheduler)
            stream = self.stream
            if stream is None:
                if self.error:
                    raise OSError(self.take_error(scheduler), "pending")
                if self._attempt is None:
                    raise OSError(errno.ENOTCONN, "not connected")
                return None
            over = self.shut_read or stream.ended
            if whole and not over and stream.waiting() < min(size - len(done), _WAITALL_PIECE):
                return None
            got = stream.receive(size - len(done), peek=peek)
            if not got and not done and self.error:
                raise OSError(self.take_error(scheduler), "pending")
            done.extend(got or b"")
            if got is None and not over:
                return None
            if whole and not over and len(done) < size:
                return None
            try:
                return scatter(task, parts, bytes(done))
            except OSError:
                if not peek:
                    stream.unread(bytes(done))
                raise

        def part() -> int:
            if self.stream is not None:
                done.extend(self.stream.receive(size - len(done), peek=False) or b"")
            return scatter(task, parts, bytes(done))

        waits = self.blocking and not flags & MSG_DONTWAIT
        return operate(
            scheduler, task, self, step, self.receive_timeout_ns, errno.EAGAIN,
            waits=waits, part=part,
        )  # fmt: skip

    def waiting(self, scheduler: Scheduler) -> int:
        """Bytes that can be read at once."""
        self.refresh(scheduler)
        return self.stream.waiting() if self.stream is not None else 0

    def shutdown(self, scheduler: Scheduler, how: int) -> None:
        """shutdown(2); the acquirer does not learn of it."""
        if how not in (0, 1, 2):
            raise OSError(errno.EINVAL, "how")
        self.refresh(scheduler)
        if self.listening is not None:
            self.shut_read = self.shut_read or how in (0, 2)
            return
        if self.stream is None or self.stream.broken:
            raise OSError(errno.ENOTCONN, "not connected")
        self.shut_read = self.shut_read or how in (0, 2)
        self.shut_write = self.shut_write or how in (1, 2)
        self.stream.shut(how)

    # ------------------------------------------------------------ the end

    def closed(self) -> None:
        if self._attempt is not None:
            abandon = getattr(self._attempt, "abandon", None)
            if abandon is not None:
                abandon()
            if self._attempt.processed and self._attempt.ok:
                assert self._attempt.value is not None
                self._attempt.value.close()
        if self.stream is not None:
            self.stream.close(abort=self.abort_on_close)
        if self._shown is not None:
            self._shown.close()
        self._ports.release(self)
        self._end.close()


def _errno_of(failure: object) -> int:
    """The error of a handshake that failed. A name that is not resolved is nothing that connect(2) can tell."""
    number = failure.errno if isinstance(failure, OSError) else None
    return number if number is not None and number > 0 else errno.ETIMEDOUT
