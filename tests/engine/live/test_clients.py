"""Clients that no one here wrote, against a real ``harness host``: its books say what they saw."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import iso8583
import pytest

from harness.iso8583 import international, unionpay
from tests.engine.live.callers import real_host
from tests.iso8583.test_iso8583_codec import pyiso_table
from tests.sut.firmware import needs

HERE = Path(__file__).parent
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


def test_npm_s_library_as_it_comes_and_without_keys(tmp_path: Path) -> None:
    _trades(_node_client(), "ascii", tmp_path / "host")


def test_iso8583sim_and_a_dialect_file_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "bank.yaml"
    file.write_text(
        "name: bank\nbase: international\nline: {tpdu: 5 B, length: 4 digits}\nsecurity: {mac: none, logon: optional}\n"
        "encoding: {digits: ascii, lengths: ascii, bitmap: hex, binary: hex}\n"
    )
    _trades([sys.executable, str(HERE / "sim_client.py")], str(file), tmp_path / "host")


def _trades(client: list[str], dialect: str, out: Path) -> None:
    """The client's day; what the host holds is what the client saw."""
    with real_host(QUICK, "--dialect", dialect, out=out) as host:
        tid, mid = host.terminals[0]["tid"], host.terminals[0]["mid"]
        saw = json.loads(subprocess.check_output([*client, str(host.port), tid, mid], timeout=60))
        assert host.end() == 0
        batch, following = host.books[tid]["batches"]
    answers = [*saw["sales"], saw["undone"], saw["voided"], saw["settled"]]
    assert {each["39"] for each in answers} == {"00"}
    states = ["SETTLED", "SETTLED", "REVERSED", "VOIDED"]
    expected = {
        (sale["11"], int(sale["4"]), sale["37"], state) for sale, state in zip(saw["sales"], states, strict=True)
    }
    booked = [each for each in batch["entries"] if each["kind"] == "sale"]
    assert {(each["stan"], each["amount_fen"], each["reference"], each["state"]) for each in booked} == expected
    assert [each["stan"] for each in batch["entries"] if each["kind"] == "void"] == [saw["voided"]["11"]]
    assert (batch["batch"], batch["phase"], following["entries"]) == (saw["batch"], "closed", [])


def _node_client() -> list[str]:
    """What CI installs; elsewhere the test may go without."""
    needs("node")
    if not (HERE / "node" / "node_modules" / "iso_8583").exists():
        assert "CI" not in os.environ, "npm's iso_8583 is not installed: npm ci --prefix tests/engine/live/node"
        pytest.skip("npm's iso_8583 is not installed: npm ci --prefix tests/engine/live/node")
    return ["node", str(HERE / "node" / "client.js")]


def test_a_client_without_keys_where_the_host_is_told_to_ask_for_none(tmp_path: Path) -> None:
    """UnionPay's own encoding, but neither logon nor authentication codes."""
    with real_host(QUICK, "--dialect", "unionpay", "--no-mac", "--terminal-id", "SHOP0001:898110000000001") as host:
        numbers = {"41": "SHOP0001", "42": "898110000000001"}
        table = pyiso_table(unionpay.SPEC)
        header = bytes.fromhex("6000030000603100311001")

        def ask(fields: dict[str, str]) -> dict[str, str]:
            payload, _ = iso8583.encode({**numbers, **fields}, table)
            body = header + bytes(payload)
            line.sendall(len(body).to_bytes(2, "big") + body)
            size = int.from_bytes(line.recv(2, socket.MSG_WAITALL), "big")
            return dict(iso8583.decode(line.recv(size, socket.MSG_WAITALL)[len(header) :], table)[0])

        with socket.create_connection(("127.0.0.1", host.port), timeout=10) as line:
            sale = {"t": "0200", "3": "000000", "4": f"{1250:012d}", "11": "000001", "22": "021", "25": "00"}
            sale |= {"35": "6222020000000000008D28122201234000001", "49": "156", "60": "22000041000"}
            sold = ask(sale)
            assert (sold["39"], "64" in sold) == ("00", False)
            assert ask({"t": "0820", "11": "000002", "60": "00000041301"})["39"] == "00"
