"""Clients that no one here wrote, against a real ``harness host``: its books say what they saw."""

from __future__ import annotations

from pathlib import Path

from harness.iso8583 import international
from tests.engine.live.callers import real_host

QUICK = "tests/engine/live/quick.yaml"


def test_pyiso8583_signs_on_sells_takes_back_and_settles(tmp_path: Path) -> None:
    with real_host(QUICK, "--dialect", "international", out=tmp_path / "host") as host:
        client = host.client()
        client.log_on()
        answers = [client.sale(amount) for amount in (1250, 990, 4200)]
        references = {int(each["11"]): each["37"] for each in answers}
        doubtful = client.stan
        taken_back = {"t": "0400", "3": "000000", "4": f"{4200:012d}", "11": f"{doubtful:06d}", "60": client.batch}
        assert client.ask(taken_back)["39"] == "00"
        totals = str(international.Totals63(2, 1250 + 990))
        settled = client.ask({"t": "0500", "3": "920000", "60": client.batch, "63": totals})
        assert (settled["t"], settled["39"]) == ("0510", "00")
        assert host.end() == 0
        (batch, following) = host.books[client.numbers["41"]]["batches"]
    booked = {int(each["stan"]): (each["amount_fen"], each["state"], each["reference"]) for each in batch["entries"]}
    first, second, third = references
    assert booked == {
        first: (1250, "SETTLED", references[first]),
        second: (990, "SETTLED", references[second]),
        third: (4200, "REVERSED", references[third]),
    }
    assert (batch["batch"], batch["phase"]) == (client.batch, "closed")
    assert (following["phase"], following["entries"]) == ("open", [])
    states = [event["state"] for event in host.history if event["event"] == "LedgerChanged"]
    assert sorted(states) == ["APPROVED", "APPROVED", "APPROVED", "REVERSED", "SETTLED", "SETTLED"]
