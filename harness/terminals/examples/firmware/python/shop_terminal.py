#!/usr/bin/env python3
"""A shop's payment terminal that imports nothing of the harness: sign-on, sale, settlement, over lines on stdin and stdout.

Its records are lines of a journal, each with a checksum and synced before the next step; a batch that is closed becomes a new
file by renaming. Order is what makes it safe: the journal before the line to the host, the journal before the screen, and what
is in doubt is reversed before anything new. The calls of the harness: see ``harness.sut.wire``. A class written against
``harness.contract`` needs none of this: ``python -m harness.contract.stdio`` runs it as a program.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import zlib
from collections.abc import Callable
from itertools import count
from typing import Any

TRANSACTIONS_MAX = 500
RESERVE_BYTES = 64 * 1024
MANIFEST = {
    "name": "shop terminal in plain Python",
    "actions": ["sign_on", "sale", "settle"],
    "max_transactions": TRANSACTIONS_MAX,
    "memory_slack_bytes": 4 << 20,
    "full_below_bytes": 128 * 1024,
    "keeps_after_settlement_bytes": 128 * 1024,
}
REPLY_TIMEOUT_S = 60
PREFIX = bytes.fromhex("6000030000603100311001")

Words = dict[str, Any]
Fields = dict[int, str]

# ---------------------------------------------------------------- the harness: one line out, one line in

numbers = count(1)


class NotDone(Exception):
    """Why an action ends as it does: the reason in a word, its outcome, the screen."""

    def __init__(self, reason: str, outcome: str = "refused", screen: str = "refused") -> None:
        super().__init__(reason)
        self.reason, self.outcome, self.screen = reason, outcome, screen


def read_line() -> Words:
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    said: Words = json.loads(line)
    return said


def ask(call: str, **words: object) -> Words:
    """What the harness answers; NotDone where it could not be done."""
    print(json.dumps({"id": next(numbers), "call": call, **words}), flush=True)
    said = read_line()
    if "error" in said:
        raise NotDone(said["error"]["kind"])
    done: Words = said["ok"]
    return done


def show(screen: str, text: str, **words: object) -> None:
    ask("show", screen=screen, text=text, **words)


def print_slip(receipt: str, text: str, **words: object) -> None:
    try:
        ask("print", receipt=receipt, text=text, **words)
    except NotDone:
        pass  # no paper: the screen has said it


# ---------------------------------------------------------------- messages of the domestic dialect

# n digits, a text, b bytes as hex; a fixed size, or how many digits of a length come before it (below 0).
FIELDS: dict[int, tuple[str, int]] = {
    2: ("n", -2), 3: ("n", 6), 4: ("n", 12), 11: ("n", 6), 12: ("n", 6), 13: ("n", 4), 14: ("n", 4), 15: ("n", 4), 22: ("n", 3),
    25: ("n", 2), 32: ("n", -2), 35: ("n", -2), 37: ("a", 12), 38: ("a", 6), 39: ("a", 2), 41: ("a", 8), 42: ("a", 15),
    44: ("a", -2), 48: ("n", -3), 49: ("a", 3), 60: ("n", -3), 61: ("n", -3), 62: ("b", -3), 63: ("a", -3), 64: ("b", 8),
}  # fmt: skip


def pack(mti: str, fields: Fields) -> bytes:
    """A message; of field 64 there are eight zero bytes at its end."""
    bits, body = 0, b""
    for number, value in sorted(fields.items()):
        kind, size = FIELDS[number]
        bits |= 1 << (64 - number)
        length = len(value) // 2 if kind == "b" else len(value)
        prefix = {-2: f"{length:02d}", -3: f"{length:04d}"}.get(size, "")
        digits = value.replace("=", "d")
        body += bytes.fromhex(prefix) + (
            value.encode() if kind == "a" else bytes.fromhex(digits + "0" * (len(digits) % 2))
        )
    return bytes.fromhex(mti) + bits.to_bytes(8, "big") + body


def unpack(message: bytes) -> tuple[str, Fields]:
    """Message type and fields; ValueError, IndexError or KeyError for what is none."""
    bits, at, fields = int.from_bytes(message[2:10], "big"), 10, {}
    for number in range(2, 65):
        if not bits >> (64 - number) & 1:
            continue
        kind, size = FIELDS[number]
        if size < 0:
            prefix = -size // 2 + -size % 2
            size = int(message[at : at + prefix].hex())
            at += prefix
        content = message[at : at + ((size + 1) // 2 if kind == "n" else size)]
        at += len(content)
        fields[number] = content.decode("latin-1") if kind == "a" else content.hex()[: size if kind == "n" else None]
    if at != len(message):
        raise ValueError("no message")
    return message[:2].hex(), fields


# ---------------------------------------------------------------- the journal


def summed(line: Words) -> bytes:
    text = json.dumps(line)
    return f"{zlib.crc32(text.encode()):08x} {text}\n".encode()


class Records:
    """What the lines of a journal come to. What is no line at its end was never finished; before a good line it is damage."""

    def __init__(self, content: bytes) -> None:
        self.batch, self.stan, self.settling, self.damaged, self.whole = "000001", 0, False, 0, 0
        self.entries: dict[str, Words] = {}
        self.closed: Words | None = None
        at = bad = 0
        for line in content.split(b"\n")[:-1]:
            at += len(line) + 1
            try:
                found = json.loads(line[9:])
            except ValueError:
                found = None
            if not isinstance(found, dict) or summed(found) != line + b"\n":
                bad += 1
                continue
            self.damaged, bad, self.whole = self.damaged + bad, 0, at
            self.apply(found)

    def apply(self, line: Words) -> None:
        stan = line.get("stan", "")
        self.stan = int(stan or self.stan)
        match line["is"]:
            case "asked":
                self.entries[stan] = {**line, "batch": self.batch, "state": "asked"}
            case "wrong_mac":
                self.entries[stan]["doubt"] = "A0"
            case "over":
                del self.entries[stan]
            case "approved":
                self.entries[stan] |= {"state": "approved", "rrn": line["rrn"]}
            case "told":
                self.entries[stan]["state"] = "told"
            case "settling":
                self.settling = True
            case "batch":
                self.batch, self.settling, self.closed, self.entries = line["batch"], False, line["closed"], {}
            case "settled":
                self.closed = None

    def of(self, *states: str) -> list[Words]:
        return [entry for entry in self.entries.values() if entry["state"] in states]

    def next_stan(self) -> str:
        return f"{self.stan % 999_999 + 1:06d}"


class Journal(Records):
    """The records on their file, and room for what must not fail: on a full volume nothing could be settled otherwise."""

    def __init__(self, directory: str) -> None:
        self.path, self.reserve = directory + "/journal", directory + "/reserve"
        self.fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        with open(self.path, "rb") as file:
            super().__init__(file.read())
        os.ftruncate(self.fd, self.whole)
        self.sync_directory()

    def sync_directory(self) -> None:
        fd = os.open(os.path.dirname(self.path), os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)

    def has_reserve(self) -> bool:
        """Whether the reserve is there, or could be made again."""
        if os.path.exists(self.reserve) and os.path.getsize(self.reserve) == RESERVE_BYTES:
            return True
        try:
            with open(self.reserve, "wb") as file:
                file.write(bytes(RESERVE_BYTES))
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            os.unlink(self.reserve)
            return False
        return True

    def with_room(self, step: Callable[[], None]) -> None:
        """Do something; if it fails, once more with the room of the reserve."""
        try:
            step()
        except OSError:
            if not os.path.exists(self.reserve):
                raise
            os.unlink(self.reserve)
            step()

    def keep(self, what: str, **more: object) -> None:
        """A line more, durable when this returns; of one that there is no room for nothing stays."""
        line: Words = {"is": what, **more}
        text = summed(line)

        def append() -> None:
            try:
                if os.pwrite(self.fd, text, self.whole) != len(text):
                    raise OSError("no room")
                os.fsync(self.fd)
            except OSError:
                os.ftruncate(self.fd, self.whole)
                raise

        self.with_room(append)
        self.whole += len(text)
        self.apply(line)

    def start_batch(self, closed: Words) -> None:
        """The journal of the next batch, in place of this one's at once; its first line says what was settled."""
        batch = f"{int(self.batch) % 999_999 + 1:06d}"
        line = {"is": "batch", "batch": batch, "stan": f"{self.stan:06d}", "closed": closed}
        text = summed(line)

        def write() -> None:
            with open(self.path + ".new", "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.rename(self.path + ".new", self.path)

        self.with_room(write)
        self.sync_directory()
        os.close(self.fd)
        self.fd, self.whole = os.open(self.path, os.O_RDWR), len(text)
        self.apply(line)


# ---------------------------------------------------------------- the terminal


class Shop:
    """One boot."""

    def __init__(self, boot: Words) -> None:
        self.boot = boot
        self.has_keys = self.mac_was_wrong = False
        self.journal = Journal(boot["volumes"]["data"])

    def take_stan(self) -> str:
        """A number for a message that is no transaction."""
        stan = self.journal.next_stan()
        self.journal.keep("stan", stan=stan)
        return stan

    def exchange(self, mti: str, stan: str, fields: Fields) -> Fields:
        """The answer that belongs to the request and may be trusted; empty without one."""
        fields = {**fields, 11: stan, 41: self.boot["tid"], 42: self.boot["mid"]}
        is_signed = mti in ("0200", "0400")
        message = pack(mti, {**fields, 64: "0" * 16} if is_signed else fields)
        if is_signed:
            message = message[:-8] + bytes.fromhex(ask("mac", data=message[:-8].hex())["data"])
        reply = self.talk(PREFIX + message, f"{int(mti) + 10:04d}", fields)
        found = unpack(reply)[1] if reply else {}
        if found.get(39) in ("77", "A0"):
            self.has_keys = False
        must_match = is_signed and found.get(39) == "00"
        self.mac_was_wrong = must_match and found.get(64) != ask("mac", data=reply[:-8].hex())["data"]
        return {} if self.mac_was_wrong else found

    def talk(self, frame: bytes, mti: str, asked: Fields) -> bytes:
        try:
            with socket.create_connection((self.boot["host"], self.boot["port"]), REPLY_TIMEOUT_S) as line:
                line.sendall(len(frame).to_bytes(2, "big") + frame)
                file = line.makefile("rb")
                while size := file.read(2):
                    reply = file.read(int.from_bytes(size, "big"))[len(PREFIX) :]
                    found, fields = unpack(reply)
                    if found == mti and all(fields.get(each) == asked.get(each) for each in (4, 11, 41)):
                        return reply
        except (OSError, ValueError, LookupError):
            pass
        return b""

    def sign_on(self) -> None:
        if self.has_keys:
            return
        reply = self.exchange("0800", self.take_stan(), {60: f"00{self.journal.batch}003"})
        if reply.get(39) != "00":
            raise NotDone("not_signed_on")
        keys = reply[62][40:]  # behind the PIN key and its check value
        ask("load_key", slot="mac", key=keys[:16], check=keys[32:40])
        self.has_keys = True

    def reverse(self) -> None:
        """Nothing is in doubt when this returns."""
        for entry in self.journal.of("asked"):
            self.sign_on()
            if self.exchange("0400", entry["stan"], self.money(entry) | {39: entry.get("doubt", "98")}).get(39) not in (
                "00",
                "12",
                "25",
            ):
                raise NotDone("reversal_pending")
            self.journal.keep("over", stan=entry["stan"])

    def money(self, entry: Words) -> Fields:
        return {3: "000000", 4: f"{entry['amount']:012d}", 25: "00", 49: "156", 60: "22" + entry["batch"]}

    def sale(self, action: Words) -> Words:
        journal = self.journal
        if journal.damaged:
            raise NotDone("damaged", "failed", "error")
        if len(journal.entries) >= TRANSACTIONS_MAX or not journal.has_reserve():
            raise NotDone("storage_full", screen="storage_full")
        if journal.settling:
            raise NotDone("settle_pending")
        self.reverse()
        self.sign_on()
        show("prompt", "请刷卡 PRESENT CARD")
        card = ask("read_card", timeout_s=60)
        sealed = ask("encrypt", data=card["pan"].encode().hex())["data"]
        stan = journal.next_stan()
        journal.keep("asked", stan=stan, amount=action["amount_fen"], sealed=sealed)
        entry = journal.entries[stan]
        show("processing", "处理中 PROCESSING")
        shown = {2: card["pan"], 14: card["expiry"], 22: card["entry_mode"], 35: card["track2"]}
        reply = self.exchange("0200", stan, self.money(entry) | shown)
        code = reply.get(39, "")
        if self.mac_was_wrong:
            journal.keep("wrong_mac", stan=stan)
        if code in ("", "96", "98"):
            raise NotDone("no_answer", "unknown", "unknown")
        if code != "00":
            journal.keep("over", stan=stan)
            raise NotDone(f"host_{code}", "declined", "declined")
        journal.keep("approved", stan=stan, rrn=reply[37])
        self.tell(entry)
        return {"outcome": "approved", "stan": stan, "batch": entry["batch"], "rrn": entry["rrn"]}

    def tell(self, entry: Words) -> None:
        """Screen, slip, and the note that both were; only ever with the record durable."""
        said = {"amount_fen": entry["amount"], "stan": entry["stan"], "batch": entry["batch"], "rrn": entry["rrn"]}
        text = f"消费 {entry['amount'] / 100:.2f}"
        show("approved", text, **said)
        print_slip("sale", text, **said)
        self.journal.keep("told", stan=entry["stan"])

    def settle(self) -> Words:
        try:
            self.close_batch()
        except (NotDone, OSError) as error:
            raise NotDone(error.reason if isinstance(error, NotDone) else "file", "failed", "settle_failed") from None
        self.tell_settled()
        return {"outcome": "done"}

    def close_batch(self) -> None:
        journal = self.journal
        if journal.damaged:
            raise NotDone("damaged")
        self.reverse()
        self.sign_on()
        sales = journal.of("approved", "told")
        fen = sum(entry["amount"] for entry in sales)
        if not journal.settling:
            journal.keep("settling")
        totals = f"{fen:012d}{len(sales):03d}" + "0" * 47
        verdict = self.exchange("0500", self.take_stan(), {48: totals, 49: "156", 60: f"00{journal.batch}201"})
        balance = verdict[48][30] if verdict.get(39) == "00" else ""
        if balance not in ("1", "2"):
            raise NotDone("no_verdict")
        if balance == "2":
            self.upload(sales)
        end = {48: f"{len(sales):04d}", 60: f"00{journal.batch}{'207' if balance == '1' else '202'}"}
        if self.exchange("0320", self.take_stan(), end).get(39) != "00":
            raise NotDone("not_closed")
        journal.start_batch({"batch": journal.batch, "count": len(sales), "fen": fen})

    def upload(self, sales: list[Words]) -> None:
        for start in range(0, len(sales), 8):
            items = ""
            for entry in sales[start : start + 8]:
                pan = bytes.fromhex(ask("decrypt", data=entry["sealed"])["data"]).decode()
                items += f"00{entry['stan']}{pan:0>20}{entry['amount']:012d}"
            fields = {48: f"{len(items) // 40:02d}{items}", 60: f"00{self.journal.batch}201"}
            if self.exchange("0320", self.take_stan(), fields).get(39) not in ("00", "94"):
                raise NotDone("upload")

    def tell_settled(self) -> None:
        closed = self.journal.closed
        assert closed is not None
        show("settled", "结算成功 SETTLED", batch=closed["batch"])
        totals = {"debit_count": closed["count"], "debit_fen": closed["fen"]}
        print_slip("settlement", f"结算单 {closed['batch']}", batch=closed["batch"], totals=totals)
        self.journal.keep("settled")

    def done(self, action: Words) -> Words:
        """How an action ended; what kept it from its end is on the screen."""
        try:
            if action["kind"] == "sale":
                return self.sale(action)
            if action["kind"] == "settle":
                return self.settle()
            if action["kind"] == "sign_on":
                self.has_keys = False
                self.sign_on()
                return {"outcome": "done"}
        except NotDone as why:
            show(why.screen, why.reason)
            return {"outcome": why.outcome, "reason": why.reason}
        except OSError:
            show("error", "文件错误 FILE ERROR")
            return {"outcome": "failed", "reason": "file"}
        return {"outcome": "unsupported"}

    def catch_up(self) -> None:
        """Power may have gone between the record and the screen: then somebody still waits to hear of it."""
        for entry in self.journal.of("approved"):
            self.tell(entry)
        if self.journal.closed is not None:
            self.tell_settled()

    def run(self) -> None:
        self.catch_up()
        while True:
            show("error" if self.journal.damaged else "idle", "欢迎 WELCOME")
            event = ask("next_event")
            if event["event"] == "action":
                ask("finish", action=event["action"]["number"], **self.done(event["action"]))


def inspect(directory: str) -> Words:
    """The answer to ``--inspect DIR``."""
    path = directory + "/data/journal"
    content = b""
    if os.path.exists(path):
        with open(path, "rb") as file:
            content = file.read()
    found = Records(content)
    records = [
        {"stan": entry["stan"], "batch": entry["batch"], "kind": "sale", "amount_fen": entry["amount"]}
        for entry in found.of("approved", "told")
    ]
    return {
        "batch": found.batch,
        "next_stan": found.next_stan(),
        "records": records,
        "pending_reversals": [entry["stan"] for entry in found.of("asked")],
        "damaged_records": found.damaged,
        "settling": found.settling,
    }


if __name__ == "__main__":
    if sys.argv[1:] == ["--manifest"]:
        print(json.dumps(MANIFEST))
    elif sys.argv[1:2] == ["--inspect"]:
        print(json.dumps(inspect(sys.argv[2])))
    else:
        Shop(read_line()["boot"]).run()
