"""Sockets on the device's link behave as Linux's do: data, timeouts, errors, select, and the end of the device."""

from pathlib import Path

import pytest

from harness.history.events import MessageDelivered, MessageDropped, MessageSent
from tests.sut.rig import Rig

CASES = {
    "send and receive": """
        with socket.create_connection(address, timeout=5) as s:
            s.sendall(b"\\x00\\x05hel"); s.send(b"lo")
            assert s.recv(3) == b"\\x00\\x05h" and s.recv(100) == b"ello"
            buffer = bytearray(4); s.sendall(b"\\x00\\x02ab"); assert s.recv_into(buffer) == 4 and buffer == b"\\x00\\x02ab"
            assert s.getpeername() == ("192.0.2.10", 5500) and s.getsockname()[0] == "10.0.0.2" and s.fileno() >= 0
        assert s.fileno() == -1
        try: s.send(b"x")
        except OSError as e: assert e.errno == errno.EBADF
        else: raise AssertionError
    """,
    "makefile": """
        s = socket.create_connection(address)
        writer, reader = s.makefile("wb"), s.makefile("rb")
        writer.write(b"\\x00\\x03one"); writer.flush(); assert reader.read(5) == b"\\x00\\x03one"
        reader.close(); writer.close(); s.close()
    """,
    "receive timeout": """
        s = socket.create_connection(address); s.settimeout(2); start = time.monotonic()
        try: s.recv(1)
        except TimeoutError as e: assert str(e) == "timed out" and isinstance(e, socket.timeout)
        else: raise AssertionError
        assert time.monotonic() == start + 2
    """,
    "non-blocking": """
        s = socket.create_connection(address); s.setblocking(False)
        try: s.recv(1)
        except BlockingIOError as e: assert e.errno == errno.EAGAIN
        else: raise AssertionError
        s.sendall(b"\\x00\\x01x"); assert select.select([s], [], [], 10) == ([s], [], []); assert s.recv(9) == b"\\x00\\x01x"
        assert select.select([s], [s], [], 0) == ([], [s], [])
        start = time.monotonic(); assert select.select([s], [], [], 3) == ([], [], []) and time.monotonic() == start + 3
    """,
    "non-blocking connect": """
        s = socket.socket(); s.setblocking(False)
        assert s.connect_ex(("192.0.2.10", 5500)) == errno.EINPROGRESS
        assert select.select([], [s], [], 10) == ([], [s], []) and s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        s.sendall(b"\\x00\\x01x"); select.select([s], [], []); assert s.recv(9) == b"\\x00\\x01x"
    """,
    "poll and selectors": """
        import selectors
        s = socket.create_connection(address); p = select.poll(); p.register(s, select.POLLIN)
        assert p.poll(1000) == []
        s.sendall(b"\\x00\\x01x"); assert p.poll(5000) == [(s.fileno(), select.POLLIN)]
        chooser = selectors.DefaultSelector(); chooser.register(s, selectors.EVENT_READ, "data")
        [(key, events)] = chooser.select(1); assert key.data == "data" and events == selectors.EVENT_READ
    """,
    "names and addresses": """
        assert socket.gethostbyname(address[0]) == "192.0.2.10"
        assert socket.getaddrinfo(address[0], 5500, type=socket.SOCK_STREAM)[0][4] == ("192.0.2.10", 5500)
        for host, port, expected in ((address[0], 1, errno.ECONNREFUSED), ("198.51.100.1", 80, errno.EHOSTUNREACH),
                                     ("127.0.0.1", 22, errno.ECONNREFUSED), ("localhost", 22, errno.ECONNREFUSED)):
            try: socket.create_connection((host, port), timeout=3)
            except OSError as e: assert e.errno == expected, (host, e)
            else: raise AssertionError(host)
        try: socket.create_connection(("www.example.org", 80))
        except socket.gaierror as e: assert e.errno == socket.EAI_NONAME
        else: raise AssertionError
        assert socket.gethostname() == "t01"
    """,
    "not connected and used wrongly": """
        s = socket.socket()
        for call, expected in ((lambda: s.recv(1), errno.ENOTCONN), (lambda: s.getpeername(), errno.ENOTCONN)):
            try: call()
            except OSError as e: assert e.errno == expected
            else: raise AssertionError
        try: s.connect("nowhere")
        except TypeError: pass
        for family, kind in ((socket.AF_INET6, socket.SOCK_STREAM), (socket.AF_INET, socket.SOCK_DGRAM)):
            try: socket.socket(family, kind)
            except OSError: pass
            else: raise AssertionError
    """,
    "shutdown, peek, default timeout": """
        socket.setdefaulttimeout(4); s = socket.create_connection(address); assert s.gettimeout() == 4
        s.sendall(b"\\x00\\x01x"); time.sleep(1); assert s.recv(2, socket.MSG_PEEK) == b"\\x00\\x01"
        assert s.recv(9) == b"\\x00\\x01x"
        s.shutdown(socket.SHUT_WR)
        try: s.send(b"x")
        except BrokenPipeError: pass
        else: raise AssertionError
        socket.setdefaulttimeout(None)
    """,
    "a server cannot be had": """
        s = socket.socket(); s.bind(("0.0.0.0", 0))
        try: s.listen()
        except RuntimeError as e: assert "program of its own" in str(e)
    """,
}


def source(body: str) -> str:
    lines = "\n".join("        " + line for line in body.strip("\n").splitlines())
    return f"""
import errno, select, socket, time
class App(Terminal):
    manifest = Manifest(name="app")
    def sale(self, action):
        address = self.device.host_address
        if True:
{lines}
        print("done")
        return Approved("000001")
"""


@pytest.mark.parametrize("case", CASES)
def test_sockets(tmp_path: Path, case: str) -> None:
    rig = Rig(tmp_path, source(CASES[case])).start()
    rig.act()
    assert rig.deaths() == []
    assert rig.printed() == ["done"]


def test_every_message_sent_is_delivered_or_dropped_once_through_death(tmp_path: Path) -> None:
    body = """
        s = socket.create_connection(address)
        for _ in range(100): s.sendall(b"\\x00\\x01x"); time.sleep(0.01)
    """
    for end in ("power", "crash"):
        rig = Rig(tmp_path, source(body)).start()
        if end == "power":
            rig.at(0.5, lambda rig=rig: rig.station.power_cut("test", 1))  # type: ignore[misc]
        else:
            rig.at(0.5, lambda rig=rig: rig.station.crash("exception", "test"))  # type: ignore[misc]
        rig.act()
        sent = [each.message for each in rig.events if isinstance(each, MessageSent)]
        settled = [each.message for each in rig.events if isinstance(each, MessageDelivered | MessageDropped)]
        assert sorted(sent) == sorted(settled) and len(sent) > 10


def test_no_reply_within_the_timeout_leaves_the_terminal_usable(tmp_path: Path) -> None:
    body = """
        s = socket.create_connection(address, timeout=60); s.sendall(b"\\x00\\x01x")
        try: print(s.recv(9))
        except TimeoutError: print("no reply")
    """
    rig = Rig(tmp_path, source(body)).start()
    rig.host.silent = True
    rig.act()
    rig.host.silent = False
    rig.act()
    assert rig.printed() == ["no reply", "done", "b'\\x00\\x01x'", "done"]


def test_a_message_leaves_after_what_was_done_before_it_has_taken_its_time(tmp_path: Path) -> None:
    body = """
        s = socket.create_connection(address)
        before = time.monotonic(); self.device.display.show(Screen("processing")); s.sendall(b"\\x00\\x01x")
        print(round(before * 1e6))
    """
    rig = Rig(tmp_path, source(body)).start()
    rig.act()
    [sent] = [each for each in rig.events if isinstance(each, MessageSent) and each.direction == "up"]
    assert sent.at_us == int(rig.printed()[0]) + 30_000


def test_a_connection_given_up_is_never_opened(tmp_path: Path) -> None:
    body = """
        try: socket.create_connection(address, timeout=0.001)
        except TimeoutError: print("gave up")
    """
    rig = Rig(tmp_path, source(body)).start()
    rig.act()
    assert rig.printed() == ["gave up", "done"]
    assert rig.station.hardware.link.connections == ()


REFUSED = """
        try: socket.create_connection(address, timeout=9)
        except ConnectionRefusedError: pass
    """


def test_a_host_that_refuses(tmp_path: Path) -> None:
    rig = Rig(tmp_path, source(REFUSED)).start()
    rig.host.listening = False
    rig.act()
    assert rig.printed() == ["done"] and rig.deaths() == []
