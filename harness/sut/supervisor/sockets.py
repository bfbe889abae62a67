"""A program's TCP sockets: connections over the device's link, with a pair of local sockets that gives number and readiness.

Models: connect, send, receive, peek, shutdown and close with Linux's errors; blocking, with timeouts, and not; what poll,
select and epoll see, because the kernel's own object is kept as ready as the connection is.
Does not model: other hosts than the acquirer, urgent data, a full send buffer (the link takes everything).
Source: socket(7), tcp(7), connect(2), recv(2); the device's own end is ``network.Connection``.
"""

from __future__ import annotations

import errno
import signal
import socket
from typing import TYPE_CHECKING

import simpy

from harness.sut.ports import ConnectionPort
from harness.sut.supervisor.objects import Opened
from harness.sut.supervisor.registry import Reply
from harness.sut.supervisor.tasks import Task, Wait
from harness.sut.supervisor.vectors import scatter

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler

MSG_PEEK, MSG_TRUNC, MSG_DONTWAIT, MSG_WAITALL, MSG_NOSIGNAL = 0x02, 0x20, 0x40, 0x100, 0x4000
_EPHEMERAL_PORT = 40_000


class Socket(Opened):
    """A TCP socket of the device. ``number`` counts the boot's sockets, for the local port."""

    kind = "socket"

    def __init__(self, family: int, number: int, *, blocking: bool) -> None:
        program_end, our_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        program_end.setblocking(blocking)
        our_end.setblocking(False)
        super().__init__(program_end.fileno())
        self.family = family
        self.blocking = blocking
        self.local_port = _EPHEMERAL_PORT + number
        self.peer: tuple[str, int] | None = None
        self.connection: ConnectionPort | None = None
        self.attempt: simpy.Event | None = None
        self.receive_timeout_ns: int | None = None
        self.abort_on_close = False
        self.options: dict[tuple[int, int], int] = {}
        self.shut_read = self.shut_write = False
        self._program_end: socket.socket = program_end
        self._our_end: socket.socket | None = our_end
        self._marked = False
        self._filled = False
        self._told_end = False
        self._watched: simpy.Event | None = None

    # ------------------------------------------------------------ connecting

    def connect(self, scheduler: Scheduler, task: Task, ip: str, port: int) -> Reply:
        """connect(2)."""
        if self.attempt is not None or self.connection is not None:
            return self._connect_again()
        network = scheduler.process.network
        scheduler.process.settle_debt()
        if network is None:
            raise OSError(errno.ENETUNREACH, "no network")
        self.peer = (ip, port)
        if ip.startswith("127.") or ip in (network.own_ip, "::1"):
            raise OSError(errno.ECONNREFUSED, "nobody listens")
        if ip != network.host_ip:
            scheduler.refuse(f"a connection to {ip}:{port}, which is not the acquirer, was refused")
            raise OSError(errno.EHOSTUNREACH, "no such host")
        if port != network.host_port:
            raise OSError(errno.ECONNREFUSED, "nobody listens")
        attempt = self.attempt = network.connect()
        assert attempt.callbacks is not None
        attempt.callbacks.append(scheduler.notify)
        if not self.blocking:
            self._fill()
            raise OSError(errno.EINPROGRESS, "under way")

        def finish(_timed_out: bool) -> None:
            if not self.settled():
                raise OSError(errno.ETIMEDOUT, "timed out")
            self._raise_failure()
            scheduler.reply(task)

        return scheduler.block(task, Wait(finish, self.settled))

    def _connect_again(self) -> Reply:
        if not self.settled():
            raise OSError(errno.EALREADY, "under way")
        self._raise_failure()
        raise OSError(errno.EISCONN, "connected")

    def _raise_failure(self) -> None:
        """Raise why the handshake failed, once."""
        attempt = self.attempt
        if attempt is not None and attempt.processed and not attempt.ok:
            self.attempt = None
            failure = attempt.value
            raise OSError(
                failure.errno if isinstance(failure, OSError) and failure.errno else errno.ETIMEDOUT, "failed"
            )

    def settled(self) -> bool:
        """Whether the handshake is over, either way."""
        attempt = self.attempt
        if attempt is None:
            return self.connection is not None
        if not attempt.processed:
            return False
        if attempt.ok and self.connection is None:
            self.connection = attempt.value
        return True

    def take_error(self) -> int:
        """SO_ERROR: the pending error, which is cleared."""
        if self.settled():
            try:
                self._raise_failure()
            except OSError as error:
                return error.errno or 0
        return 0

    def connected(self) -> ConnectionPort:
        """The connection; ENOTCONN when there is none."""
        self.settled()
        if self.connection is None:
            raise OSError(errno.ENOTCONN, "not connected")
        return self.connection

    # ------------------------------------------------------------ data

    def readable_now(self) -> bool:
        """Whether a receive would answer at once."""
        connection = self.connection
        if connection is None:
            return self.attempt is not None and self.attempt.processed and not self.attempt.ok
        return bool(connection.inbox) or connection.eof or connection.state != "open" or self.shut_read

    def send(self, scheduler: Scheduler, task: Task, data: bytes, flags: int) -> Reply:
        """send(2): every message that the bytes complete is on its way now."""
        try:
            if self.shut_write:
                raise BrokenPipeError(errno.EPIPE, "shut down")
            if self.connection is None and not self.settled():
                raise OSError(errno.EPIPE if self.attempt is None else errno.EAGAIN, "not connected")
            connection = self.connected()
            # What was written to flash before has taken its time before the message leaves.
            scheduler.process.settle_debt()
            return connection.send(data)
        except BrokenPipeError:
            if not flags & MSG_NOSIGNAL:
                scheduler.signal(task.program, signal.SIGPIPE, task)
            raise

    def receive(self, scheduler: Scheduler, task: Task, parts: list[tuple[int, int]], flags: int) -> Reply:
        """recv(2) into a vector."""
        connection = self.connected()
        size = sum(length for _, length in parts)
        scheduler.process.settle_debt()

        def take() -> int | None:
            if self.shut_read:
                return 0
            if flags & MSG_PEEK and connection.inbox:
                return scatter(task, parts, bytes(connection.inbox[:size]))
            if (
                flags & MSG_WAITALL
                and connection.state == "open"
                and not connection.eof
                and len(connection.inbox) < size
            ):
                return None
            got = connection.receive(size)
            if got is None:
                return None
            self.refresh(scheduler)
            return scatter(task, parts, got)

        taken = take()
        if taken is not None:
            return taken
        if not self.blocking or flags & MSG_DONTWAIT:
            scheduler.process.sleep(0)
            if (taken := take()) is not None:
                return taken
            raise OSError(errno.EAGAIN, "nothing there")

        def finish(timed_out: bool) -> None:
            got = take()
            if got is None:
                raise OSError(errno.EAGAIN, "nothing came")
            scheduler.reply(task, got)

        def ready() -> bool:
            if flags & MSG_WAITALL and connection.state == "open" and not connection.eof:
                return len(connection.inbox) >= size
            return self.readable_now()

        deadline_ns = None
        if self.receive_timeout_ns:
            deadline_ns = scheduler.monotonic_ns() + self.receive_timeout_ns
        self.refresh(scheduler)
        return scheduler.block(task, Wait(finish, ready, deadline_ns))

    def shutdown(self, how: int) -> None:
        """shutdown(2); the peer does not learn of it."""
        connection = self.connected()
        if how not in (0, 1, 2):
            raise OSError(errno.EINVAL, "how")
        if connection.state != "open":
            raise OSError(errno.ENOTCONN, "not connected")
        self.shut_read = self.shut_read or how in (0, 2)
        self.shut_write = self.shut_write or how in (1, 2)

    # ------------------------------------------------------------ what the kernel's object shows

    def refresh(self, scheduler: Scheduler) -> None:
        """Make the kernel's object as ready as the connection is, and hear of the next change."""
        if self._filled and self.settled():
            self._empty()
        readable = self.readable_now()
        if readable != self._marked and self._our_end is not None:
            self._marked = readable
            if readable:
                self._our_end.send(b"\0")
            else:
                self._program_end.recv(1, socket.MSG_DONTWAIT)
        connection = self.connection
        if connection is not None and not self._told_end and (connection.eof or connection.state != "open"):
            self._told_end = True
            self._end(reset=connection.state != "open")
        elif connection is None and readable and not self._told_end:
            self._told_end = True
            self._end(reset=True)
        if connection is not None and not readable:
            event = connection.readable
            if event is not self._watched and event.callbacks is not None:
                self._watched = event
                event.callbacks.append(scheduler.notify)

    def _end(self, *, reset: bool) -> None:
        our_end = self._our_end
        if our_end is None:
            return
        if reset:
            our_end.close()
            self._our_end = None
        else:
            our_end.shutdown(socket.SHUT_WR)

    def _fill(self) -> None:
        """Not writable until the handshake is over."""
        self._program_end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        try:
            while self._program_end.send(bytes(512), socket.MSG_DONTWAIT):
                pass
        except BlockingIOError:
            self._filled = True

    def _empty(self) -> None:
        self._filled = False
        assert self._our_end is not None
        try:
            while self._our_end.recv(65_536):
                pass
        except BlockingIOError:
            pass

    def closed(self) -> None:
        self._program_end.close()
        if self._our_end is not None:
            self._our_end.close()
            self._our_end = None
        if self.attempt is not None and self.connection is None and not self.settled():
            abandon = getattr(self.attempt, "abandon", None)
            if abandon is not None:
                abandon()
        if self.connection is not None:
            if self.abort_on_close:
                self.connection.reset()
            else:
                self.connection.close()


class Datagrams(Opened):
    """A UDP socket: nobody answers. Programs make one to learn their own address."""

    kind = "datagrams"

    def __init__(self, family: int, *, blocking: bool) -> None:
        self._end, self._other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._end.setblocking(blocking)
        super().__init__(self._end.fileno())
        self.family = family
        self.blocking = blocking
        self.peer: tuple[str, int] | None = None

    def closed(self) -> None:
        self._end.close()
        self._other.close()
