"""A block device that keeps a log of what was written to it, in order, with the flushes between.

Models: a loop device whose backing file is served by a process of ours (FUSE, one file, direct I/O, one request at a time),
so that every write of the kernel's file system passes through it. The device has no timing and never fails.
Does not model: writes that overlap in time (the loop driver submits one after the other), which a cut makes up for: it
may lose or tear whatever no completed flush covers, in any combination, as a drive with a volatile cache does.
Source: Linux Documentation/admin-guide/device-mapper/log-writes.rst for the idea (the order of writes and flushes is all that
a crash depends on); Documentation/block/writeback_cache_control.rst for what a flush promises; include/uapi/linux/fuse.h.

Why not copy the backing file: a copy takes time, and writes landing meanwhile make of it a state that no instant ever had.
A log has every instant, each exactly; and a cut between two writes of one fsync, which a copy meets by luck, is one of them.

Which operations had returned: the count of events is in memory shared with the program, raised before a request is
answered. The program reads it before it begins an operation and after the operation returned. So at the last moment at which
exactly the first k events had landed, all operations whose count after was at most k had returned, and only those
whose count before was at most k had begun.
"""

import contextlib
import errno
import mmap
import os
import socket
import stat
import struct
import traceback
from collections.abc import Mapping

import msgspec

from harness.core.errors import HarnessError
from harness.storage.kernels import linux

PAGE_BYTES = 4096
SECTOR_BYTES = 512

_MAX_WRITE = 1 << 17
_INIT, _GETATTR, _SETATTR, _OPEN, _READ, _WRITE, _STATFS = 26, 3, 4, 14, 15, 16, 17
_RELEASE, _FSYNC, _FLUSH, _DESTROY, _FALLOCATE, _FORGET, _BATCH_FORGET = 18, 20, 25, 38, 43, 2, 42
_HEADER = struct.Struct("=IIQQIIII")
_OUT = struct.Struct("=IiQ")
_DIRECT_IO = 1
_PUNCH_HOLE, _ZERO_RANGE = 2, 16
_BIG_WRITES, _MAX_PAGES = 1 << 5, 1 << 22
# Unmounting aborts the connection: a read that waits gets ENODEV, and one that had just taken the last request (RELEASE is
# sent and not waited for) ECONNABORTED (fs/fuse/dev.c, fuse_dev_do_read).
_ENDED = frozenset({errno.ENODEV, errno.ECONNABORTED})


class BlockWrite(msgspec.Struct, frozen=True, array_like=True, tag="w", gc=False):
    """Bytes that reached the device at an offset."""

    offset_bytes: int
    data: bytes


class BlockFlush(msgspec.Struct, frozen=True, array_like=True, tag="f", gc=False):
    """A flush completed: everything before it survives a power cut."""


BlockEvent = BlockWrite | BlockFlush
Pages = Mapping[int, bytes]


class RecordedDevice:
    """The device while a program runs on it. ``event_count`` is safe to read at any moment, ``finish`` gives the log."""

    def __init__(self, base: Pages, size_bytes: int, mount_point: str) -> None:
        self._mount_point = mount_point
        self._count = mmap.mmap(-1, PAGE_BYTES)
        fuse = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        self._socket, theirs = socket.socketpair()
        self._server = os.fork()
        if self._server == 0:
            self._socket.close()
            _serve_and_exit(fuse, theirs, _Server(base, size_bytes, self._count))
        theirs.close()
        self._socket.recv(1)
        options = f"fd={fuse},rootmode=100600,user_id=0,group_id=0,max_read={_MAX_WRITE}"
        try:
            linux.mount("harness-kernels", mount_point, "fuse", 0, options)
            os.close(fuse)
            # A server that reads before there is a mount is refused.
            self._socket.sendall(b"m")
            self.descriptor = os.open(mount_point, os.O_RDWR | os.O_CLOEXEC)
        except BaseException:
            os.kill(self._server, 9)
            os.waitpid(self._server, 0)
            raise

    @property
    def event_count(self) -> int:
        count: int = struct.unpack_from("=I", self._count)[0]
        return count

    def finish(self) -> list[BlockEvent]:
        """Ends the server; nothing may use the device any more. HarnessError when the log is not whole."""
        chunks = []
        try:
            # Closing asks the server once more, so it fails when the connection had ended before.
            os.close(self.descriptor)
            whole = True
        except OSError:
            whole = False
        linux.unmount(self._mount_point)
        while chunk := self._socket.recv(1 << 20):
            chunks.append(chunk)
        self._socket.close()
        status = os.waitstatus_to_exitcode(os.waitpid(self._server, 0)[1])
        self._count.close()
        if status != 0 or not whole:
            raise HarnessError("the recorded block device ended before its file system did: its log is not whole")
        return msgspec.msgpack.decode(b"".join(chunks), type=list[BlockEvent])


def _serve_and_exit(fuse: int, results: socket.socket, server: "_Server") -> None:
    """The child of the fork: never returns.

    Its mounts are its own, made before the recorded file system is mounted: if they were shared and the recorder were killed,
    ending the last mount would fall to this process while it dies, which would then wait for its own answers for ever.
    """
    code = 1
    try:
        linux.die_with_parent()
        linux.own_mounts()
        results.sendall(b"r")
        if results.recv(1):
            server.serve(fuse)
        results.sendall(msgspec.msgpack.encode(server.events))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


class _Server:
    """Answers the kernel's requests about the one file there is."""

    def __init__(self, base: Pages, size_bytes: int, count: mmap.mmap) -> None:
        self._pages = dict(base)
        self._size_bytes = size_bytes
        self._count = count
        self.events: list[BlockEvent] = []

    def serve(self, fuse: int) -> None:
        """Until the file system is unmounted."""
        buffer = bytearray(_MAX_WRITE + PAGE_BYTES)
        while True:
            try:
                length = os.readv(fuse, [buffer])
            except OSError as error:
                if error.errno in (errno.EINTR, errno.EAGAIN, errno.ENOENT):
                    continue
                if error.errno in _ENDED:
                    return
                raise
            _, opcode, unique, *_ = _HEADER.unpack_from(buffer)
            if opcode in (_FORGET, _BATCH_FORGET):
                continue
            try:
                body = self._answer(opcode, memoryview(buffer)[_HEADER.size : length])
                head = _OUT.pack(_OUT.size + len(body), 0, unique)
            except OSError as error:
                body, head = b"", _OUT.pack(_OUT.size, -(error.errno or errno.EIO), unique)
            # A request that its maker no longer waits for (ENOENT) needs no answer.
            with contextlib.suppress(FileNotFoundError):
                os.writev(fuse, [head, body])
            if opcode == _DESTROY:
                return

    def _answer(self, opcode: int, body: memoryview) -> bytes:
        match opcode:
            case 26:  # _INIT
                return struct.pack("=IIIIHHIIHH32x", 7, 31, 0, _BIG_WRITES | _MAX_PAGES, 12, 9, _MAX_WRITE, 1, 32, 0)
            case 3 | 4:  # _GETATTR, _SETATTR
                return struct.pack("=QII", 3600, 0, 0) + self._attributes()
            case 14:  # _OPEN
                return struct.pack("=QII", 1, _DIRECT_IO, 0)
            case 15:  # _READ
                _, offset, length = struct.unpack_from("=QQI", body)
                return self._read(offset, length)
            case 16:  # _WRITE
                _, offset, length = struct.unpack_from("=QQI", body)
                self._write(offset, bytes(body[40 : 40 + length]))
                return struct.pack("=II", length, 0)
            case 17:  # _STATFS
                return struct.pack("=QQQQQIIII24x", self._size_bytes // PAGE_BYTES, 0, 0, 1, 0, PAGE_BYTES, 255, 0, 0)
            case 20:  # _FSYNC
                self._log(BlockFlush())
                return b""
            case 43:  # _FALLOCATE
                _, offset, length, mode, _ = struct.unpack_from("=QQQII", body)
                if not mode & (_PUNCH_HOLE | _ZERO_RANGE):
                    raise OSError(errno.EOPNOTSUPP, "")
                self._write(offset, bytes(length))
                return b""
            case 18 | 25 | 38:  # _RELEASE, _FLUSH, _DESTROY
                return b""
        raise OSError(errno.ENOSYS, "")

    def _attributes(self) -> bytes:
        mode = stat.S_IFREG | 0o600
        sizes = struct.pack("=QQQQQQ", 1, self._size_bytes, self._size_bytes // SECTOR_BYTES, 0, 0, 0)
        return sizes + struct.pack("=IIIIIIIIII", 0, 0, 0, mode, 1, 0, 0, 0, PAGE_BYTES, 0)

    def _log(self, event: BlockEvent) -> None:
        self.events.append(event)
        struct.pack_into("=I", self._count, 0, len(self.events))

    def _read(self, offset: int, length: int) -> bytes:
        end = min(offset + length, self._size_bytes)
        first, last = offset // PAGE_BYTES, -(-end // PAGE_BYTES)
        whole = b"".join([self._pages.get(page, _ZEROS) for page in range(first, last)])
        return whole[offset - first * PAGE_BYTES : end - first * PAGE_BYTES]

    def _write(self, offset: int, data: bytes) -> None:
        write_pages(self._pages, offset, data)
        self._log(BlockWrite(offset, data))


_ZEROS = bytes(PAGE_BYTES)


def write_pages(pages: dict[int, bytes], offset_bytes: int, data: bytes) -> None:
    """Stores ``data`` among pages of PAGE_BYTES, of which absent ones are zeros."""
    place = 0
    while place < len(data):
        page, start = divmod(offset_bytes + place, PAGE_BYTES)
        piece = data[place : place + PAGE_BYTES - start]
        if len(piece) < PAGE_BYTES:
            old = pages.get(page, _ZEROS)
            pages[page] = old[:start] + piece + old[start + len(piece) :]
        else:
            pages[page] = piece
        place += len(piece)
