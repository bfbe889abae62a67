"""TLS with the acquirer: what the program sees is TLS, what the history holds is not."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.history.recorder import Recorder
from harness.network import HalfOpen, Partition
from harness.sut.supervisor import authority, secure
from tests.sut.supervisor.network_rig import Supervised, built

__all__ = ["built"]
NAME = "acquirer.example"
YEARS_S = 365 * 24 * 3600


def speak(path: Path, *words: str, within_s: float = 1000.0) -> Supervised:
    spoken = begun(path, *words)
    return spoken.start().finish(within_s)


def begun(path: Path, *words: str) -> Supervised:
    spoken = Supervised(str(path), ("192.0.2.10", "5500", *words), environ=authority.ENVIRON)
    secure.put_before(spoken.run_.scheduler)
    return spoken


@pytest.fixture(scope="module")
def client(built: Callable[..., Path]) -> Path:
    return built("secured", "-lssl", "-lcrypto")


def milliseconds(line: str) -> float:
    return float(line.split()[-2])


def test_the_same_history_with_round_trips_and_plain_messages(client: Path) -> None:
    """The ciphertext is another each time: OpenSSL draws it. The history is not."""
    runs = []
    for version, trips in (("13", 1), ("12", 2), ("13", 1)):
        spoken = begun(client, NAME, version)
        history = io.BytesIO()
        spoken.recorder = spoken.link._recorder = Recorder(history)
        spoken.start().finish()
        lines = spoken.text.splitlines()
        assert lines[0].startswith("handshake 1 in "), spoken.text
        assert spoken.refused == []
        assert lines[1].startswith("TLSv1.3" if version == "13" else "TLSv1.2")
        assert [each.split(" after ")[0] for each in lines[2:5]] == ["'hello'"] * 3
        assert lines[5:] == ["end: 0, 1", "closed: 0"]
        assert spoken.host.received == [b"echo hello\n"] * 3 + [b"eof\n"]
        # The median round trip of the link is 10 ms, its 99th percentile 40.
        assert trips * 4 < milliseconds(lines[0]) < trips * 60
        spoken.recorder.close()
        runs.append((spoken.text, history.getvalue()))
    assert runs[0] == runs[2]
    assert b"echo" in runs[0][1] and b'"size_bytes":11' in runs[0][1]


@pytest.mark.parametrize(
    ("name", "wait_years", "told", "refused"),
    [
        ("other.example", 0, "hostname mismatch", "SSLV3_ALERT_BAD_CERTIFICATE"),
        (NAME, 20, "certificate has expired", "SSLV3_ALERT_CERTIFICATE_EXPIRED"),
    ],
)
def test_a_wrong_certificate_fails_in_the_program(
    name: str, wait_years: int, told: str, refused: str, client: Path
) -> None:
    spoken = begun(client, name, "13")
    spoken.jump_us = wait_years * YEARS_S * 1_000_000
    lines = spoken.start().finish().text.splitlines()
    assert lines[0].startswith("handshake -1") and lines[1].startswith(told)
    assert spoken.refused == [f"TLS with the acquirer failed: {refused}"]
    assert spoken.host.received == []


def test_a_clock_that_fell_back_fails_too(client: Path) -> None:
    spoken = begun(client, NAME, "12")
    spoken.jump_us = -20 * YEARS_S * 1_000_000
    assert "certificate is not yet valid" in spoken.start().finish().text


def test_whoever_does_not_know_the_authority_does_not_trust_it(client: Path) -> None:
    spoken = Supervised(str(client), ("192.0.2.10", "5500", NAME, "13"), environ={"SSL_CERT_FILE": "/etc/hostname"})
    secure.put_before(spoken.run_.scheduler)
    spoken.start().finish()
    assert "unable to get local issuer certificate" in spoken.text
    assert spoken.refused == ["TLS with the acquirer failed: TLSV1_ALERT_UNKNOWN_CA"]


def test_plain_bytes_end_the_connection(client: Path) -> None:
    spoken = speak(client, "plain")
    assert [line.partition(",")[0] for line in spoken.text.splitlines()] == ["plain: 0", "then: 0"]
    assert spoken.host.received == []
    assert spoken.refused == ["TLS with the acquirer failed: WRONG_VERSION_NUMBER"]


@pytest.mark.parametrize("condition", [HalfOpen, Partition])
def test_a_handshake_is_lost_with_the_link(condition: type[Partition], client: Path) -> None:
    """A gateway near the terminal answers for the host what it can; TLS it cannot."""
    spoken = begun(client, NAME, "13", "0")
    struck = condition()
    at_us = 5_000 if condition is Partition else 0
    spoken.env.timeout(at_us).callbacks.append(lambda _: spoken.link.conditions.add(struck))
    spoken.start().finish()
    assert struck.bites > 0
    assert spoken.host.received == []
    if condition is HalfOpen:
        assert spoken.text.splitlines()[0].startswith("handshake -1 in 30000")


def test_python_trusts_the_authority(tmp_path: Path) -> None:
    script = tmp_path / "client.py"
    script.write_text(
        "import socket, ssl\n"
        f"plain = socket.create_connection(('{NAME}', 5500))\n"
        f"tls = ssl.create_default_context().wrap_socket(plain, server_hostname='{NAME}')\n"
        "tls.sendall(b'echo hello\\n')\n"
        "print(tls.recv(100), tls.version(), tls.getpeercert()['subjectAltName'])\n"
    )
    spoken = Supervised("/usr/bin/python3", ("-S", "-E", str(script)), environ=authority.ENVIRON)
    secure.put_before(spoken.run_.scheduler)
    spoken.start().finish()
    assert spoken.text == "b'hello' TLSv1.3 (('DNS', 'acquirer.example'), ('IP Address', '192.0.2.10'))\n", spoken.said


def test_the_certificate_is_the_same_every_time() -> None:
    again = authority.host_certificate.__wrapped__
    assert again(NAME, "192.0.2.10") == authority.host_certificate(NAME, "192.0.2.10")
    assert sys.getsizeof(again(NAME, "192.0.2.10")) > 0
