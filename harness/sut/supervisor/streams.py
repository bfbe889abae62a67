"""What a connected TCP socket of a program leads to: a connection over the device's link, or another program's socket.

Models: the receive buffer of the device's kernel in front of a ``network.Connection``, with data, end of file and reset in the
order in which they came, and what poll, select and epoll see of them: the socket's kernel object is half of a local pair, whose
other half the supervisor holds and keeps as full, as shut or as broken as the connection is. A message that comes wakes whoever
watches for edges, read or not. Between programs of one device the kernel's own local sockets carry the bytes, at once.
Does not model: a full send buffer of the link, which takes everything; windows and segments.
Source: tcp(7), poll(2), epoll(7); Linux net/ipv4/tcp.c (tcp_poll) beside net/unix/af_unix.c (unix_poll).
"""

from __future__ import annotations

import errno
import fcntl
import socket
import struct
import termios
from collections.abc import Callable

import simpy

from harness.sut.ports import ConnectionPort

_PIECE_BYTES = 1 << 16
_FILL_BYTES = 4096


class Gate:
    """Makes two local sockets the ends of one pair; one of them may have been made, and given away, before."""

    def __init__(self) -> None:
        self._gate: socket.socket | None = None
        self._name = b""
        self.left: list[socket.socket] = []
        """Ends that their programs have closed, and whose other ends are open."""

    def join(self, program_end: socket.socket) -> socket.socket:
        """The other end, which does not block."""
        if self._gate is None:
            self._gate = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._gate.bind("")  # a name that the kernel chooses and nobody else can take for its own
            self._gate.listen(1)
            self._name = self._gate.getsockname()
        program_end.connect(self._name)
        our_end, _ = self._gate.accept()
        our_end.setblocking(False)
        return our_end

    def close(self) -> None:
        """No more pairs."""
        if self._gate is not None:
            self._gate.close()
            self._gate = None
        for end in self.left:
            end.close()
        self.left.clear()


class Stream:
    """One end of a connection as a socket uses it. Calls never wait: None says that they would."""

    broken = False
    """Whether it was reset: the error is the socket's to tell, once."""

    def receive(self, size: int, *, peek: bool) -> bytes | None:
        """At most ``size`` bytes; b"" at the end of file."""
        raise NotImplementedError

    def unread(self, data: bytes) -> None:
        """Bytes that have been received found no place in the program's memory."""

    def send(self, data: bytes) -> int | None:
        """How many bytes were taken. ConnectionResetError, BrokenPipeError."""
        raise NotImplementedError

    def waiting(self) -> int:
        """Bytes that have come and were not read."""
        raise NotImplementedError

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        raise NotImplementedError

    def refresh(self, notify: Callable[[simpy.Event], None]) -> None:
        """Look at the world, and hear of its next change."""

    def shut(self, how: int) -> None:
        """One or both directions are shut down by the program."""

    def cleared(self) -> None:
        """The program has been told of the reset."""

    def close(self, *, abort: bool) -> None:
        """The last descriptor is gone."""


class Shown:
    """The supervisor's half of the pair behind a socket."""

    def __init__(self, program_end: socket.socket, gate: Gate) -> None:
        self._program_end = program_end
        self._our_end: socket.socket | None = gate.join(program_end)
        self._marks = 0
        """Bytes in the program's end that make it readable."""
        self._ended = False
        self._filled = False

    def under_way(self) -> None:
        """Neither readable nor writable."""
        self._filled = True
        self._program_end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        try:
            while self._program_end.send(bytes(_FILL_BYTES), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL):
                pass
        except BlockingIOError:
            pass

    def open(self) -> None:
        """Writable."""
        if not self._filled:
            return
        assert self._our_end is not None
        try:
            while self._our_end.recv(_PIECE_BYTES):
                pass
        except BlockingIOError:
            pass

    def came(self) -> None:
        """Readable, and an edge for whoever watches for edges."""
        if self._our_end is not None:
            try:
                self._marks += self._our_end.send(b"\0", socket.MSG_NOSIGNAL)
            except OSError:
                pass  # full of unread edges, or shut: it is readable either way

    def empty(self) -> None:
        """Nothing to read any more."""
        if self._marks:
            try:
                self._program_end.recv(self._marks, socket.MSG_DONTWAIT)
            except OSError:
                pass  # shut: it stays readable
            self._marks = 0

    def end(self) -> None:
        """The peer sends nothing more."""
        if self._our_end is not None and not self._ended:
            self._ended = True
            self._our_end.shutdown(socket.SHUT_WR)

    def break_(self) -> None:
        """Broken off, with an error that is pending."""
        our_end, self._our_end = self._our_end, None
        if our_end is None:
            return
        try:
            # A local socket shows an error when its peer goes without having read all.
            self._program_end.send(b"\0", socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except OSError:
            pass
        our_end.close()

    def cleared(self) -> None:
        """The error has been told."""
        self._program_end.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def shut(self, how: int) -> None:
        """The program's own end is shut down."""
        try:
            self._program_end.shutdown(how)
        except OSError:
            pass

    def close(self) -> None:
        """Give the half back."""
        if self._our_end is not None:
            self._our_end.close()
            self._our_end = None


class LinkStream(Stream):
    """A connection over the device's link."""

    def __init__(self, connection: ConnectionPort, shown: Shown) -> None:
        self.connection = connection
        self.shown = shown
        self.buffer = bytearray()
        self._eof = False
        self._watched: simpy.Event | None = None
        shown.open()

    @property
    def ended(self) -> bool:
        return self._eof or self.broken

    def refresh(self, notify: Callable[[simpy.Event], None]) -> None:
        connection = self.connection
        came = False
        while not self.ended:
            try:
                got = connection.receive(_PIECE_BYTES)
            except ConnectionResetError:
                self.broken = True
                break
            if got is None:
                event = connection.readable
                if event is not self._watched and event.callbacks is not None:
                    self._watched = event
                    event.callbacks.append(notify)
                break
            came = came or bool(got)
            self._eof = not got
            self.buffer += got
        if came:
            self.shown.came()
        if self.broken:
            self.shown.break_()
        elif self._eof:
            self.shown.end()

    def receive(self, size: int, *, peek: bool) -> bytes | None:
        if self.buffer:
            got = bytes(self.buffer[:size])
            if not peek:
                del self.buffer[:size]
                if not self.buffer:
                    self.shown.empty()
            return got
        return b"" if self.ended else None

    def unread(self, data: bytes) -> None:
        self.buffer[:0] = data
        self.shown.came()

    def send(self, data: bytes) -> int:
        if self.broken:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")
        try:
            return self.connection.send(data)
        except ConnectionResetError:
            self.broken = True
            self.shown.break_()
            self.shown.cleared()
            raise

    def waiting(self) -> int:
        return len(self.buffer)

    def shut(self, how: int) -> None:
        self.shown.shut(how)

    def cleared(self) -> None:
        self.shown.cleared()

    def close(self, *, abort: bool) -> None:
        self.shown.close()
        if abort:
            self.connection.reset()
        else:
            self.connection.close()


class LocalStream(Stream):
    """A connection between programs of one device: the kernel's own local socket, of which the program holds a copy."""

    def __init__(self, end: socket.socket, gate: Gate) -> None:
        self._end = end
        self._gate = gate
        self._left: socket.socket | None = None
        self.peer: LocalStream | None = None
        """The other end, once it has been accepted."""

    def receive(self, size: int, *, peek: bool) -> bytes | None:
        try:
            return self._end.recv(size, socket.MSG_DONTWAIT | (socket.MSG_PEEK if peek else 0))
        except BlockingIOError:
            return None

    def send(self, data: bytes) -> int | None:
        try:
            sent = self._end.send(data, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return None
        if self.peer is not None:
            self.peer._refuse()
        return sent

    def waiting(self) -> int:
        return int(struct.unpack("<i", fcntl.ioctl(self._end, termios.FIONREAD, bytes(4)))[0])

    @property
    def ended(self) -> bool:
        try:
            return not self._end.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def shut(self, how: int) -> None:
        self._end.shutdown(how)

    def close(self, *, abort: bool) -> None:
        if not abort and not self.waiting():
            # TCP says no more than that nothing will come; what is sent to it is answered with a reset, but not before.
            self._left = self._end.dup()
            self._gate.left.append(self._left)
            try:
                self._end.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        if self.peer is not None:
            self.peer._refuse(sent=False)

    def _refuse(self, *, sent: bool = True) -> None:
        """Its program has closed it, and the other end has sent something, or is closed too."""
        left, self._left = self._left, None
        if left is None:
            return
        if sent:
            left.recv(_PIECE_BYTES, socket.MSG_DONTWAIT)
        self._gate.left.remove(left)
        left.close()
