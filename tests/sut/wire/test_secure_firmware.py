"""Firmware that speaks TLS to the acquirer, over a faulty morning: judged as any other, and the same every time."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from harness.core.errors import ExitCode
from harness.terminals import examples

HARNESS = Path(sys.executable).with_name("harness")
FIRMWARE = Path(examples.__file__).parent / "firmware" / "python" / "shop_terminal.py"
PLAIN = 'with socket.create_connection((self.boot["host"], self.boot["port"]), REPLY_TIMEOUT_S) as line:'
SECURE = (
    'with __import__("ssl").create_default_context().wrap_socket(socket.create_connection('
    '(self.boot["host"], self.boot["port"]), REPLY_TIMEOUT_S), server_hostname=self.boot["host"]) as line:'
)
MANIFEST = "name: shop over TLS\nactions: [sign_on, sale, settle]\nmax_transactions: 500\ntls: true\n"
MORNING = """\
name: a faulty morning
terminals: 1
days: {count: 1, start: 2026-03-02, open: "09:00", close: "10:00"}
sales_per_day: 8
faults:
  - {type: half_open, at: {action: sale, occurrence: 3}, lift_after: 70 s}
  - {type: partition, at: {time: "09:30"}, lift_after: 5 min}
"""


def history(place: Path) -> bytes:
    place.mkdir()
    (place / "morning.yaml").write_text(MORNING)
    program = place.parent / "shop.py"
    run = subprocess.run(
        [HARNESS, "run", place / "morning.yaml", "--terminal", f"exec:{sys.executable} -I {program}", "--out", place],
        check=False, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    if run.returncode == ExitCode.HARNESS_ERROR and "CI" not in os.environ:
        pytest.skip(run.stderr[-300:])
    assert run.returncode in (ExitCode.PASS, ExitCode.INCONCLUSIVE), run.stdout + run.stderr
    (found,) = place.rglob("history.jsonl")
    return found.read_bytes()


@pytest.mark.slow
def test_messages_are_plain_in_the_history_which_is_the_same_every_time(tmp_path):
    source = FIRMWARE.read_text()
    assert PLAIN in source
    (tmp_path / "shop.py").write_text(source.replace(PLAIN, SECURE))
    (tmp_path / "shop.py.manifest.yaml").write_text(MANIFEST)
    told = history(tmp_path / "first")
    events = [msgspec.json.decode(line) for line in told.splitlines()]
    sent = [event for event in events if event["event"] == "MessageSent"]
    assert len(sent) >= 16 and {"0200", "0210", "0500", "0510"} <= {event["mti"] for event in sent}
    assert not any(event.get("error") for event in sent)
    bitten = [event for event in events if event["event"] == "FaultBit"]
    assert any("TLS handshake lost (half_open)" in str(event) for event in bitten), bitten
    assert history(tmp_path / "second") == told
