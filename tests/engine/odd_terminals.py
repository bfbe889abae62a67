"""Software written to show one step of a run: each class does one thing that a good terminal does not."""

from __future__ import annotations

import dataclasses
import os
import socket
import time

from harness.contract import Action, Failed, Manifest, Outcome, Refused, Terminal, TextPattern, Unknown
from harness.terminals.reference.terminal import ReferenceTerminal


class RefusesAll(ReferenceTerminal):
    """Harms nobody by selling nothing."""

    def sale(self, action: Action) -> Outcome:
        return Refused("busy", "稍后再试 TRY LATER")


class RefusesOnceItHasSold(ReferenceTerminal):
    """After its third sale it refuses, until it is restarted."""

    sold = 0

    def sale(self, action: Action) -> Outcome:
        if self.sold >= 3:
            return Refused("busy", "稍后再试 TRY LATER")
        outcome = super().sale(action)
        self.sold += outcome.kind == "approved"
        return outcome


class StartsOnce(ReferenceTerminal):
    """Comes up once in its life; after a restart it hangs."""

    def boot(self) -> None:
        if self.device.nvram.read(255, 1) == b"\x01":
            time.sleep(10**9)
        self.device.nvram.write(255, b"\x01")
        super().boot()


class Probing(ReferenceTerminal):
    """Marks a rare path at each settlement."""

    def settle(self, action: Action) -> Outcome:
        self.device.probe("settled_once")
        return super().settle(action)


class SettlesAfterRestart(ReferenceTerminal):
    """Settlement fails until it is restarted a second time."""

    def settle(self, action: Action) -> Outcome:
        if self.device.nvram.read(255, 1) < b"\x02":
            return Failed("结算失败 SETTLEMENT FAILED")
        return super().settle(action)

    def boot(self) -> None:
        boots = self.device.nvram.read(255, 1)[0] + 1
        self.device.nvram.write(255, bytes([boots]))
        super().boot()


class StartsOnceAndTakesItsTime(StartsOnce):
    """As above, and declares that it may take ten days to come back."""

    manifest = dataclasses.replace(StartsOnce.manifest, recovery_timeout_s=10 * 86_400.0)


class LocksItsFiles(ReferenceTerminal):
    """Makes a call that the second disk does not have."""

    def boot(self) -> None:
        super().boot()
        with open(os.path.join(self.device.volumes["data"], "lock"), "wb") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, 4096)
            except OSError:
                pass


class SpeaksGibberish(Terminal):
    """Sends what no host can read."""

    manifest = Manifest(name="gibberish", reversal="none")

    def sale(self, action: Action) -> Outcome:
        with socket.create_connection(self.device.host_address, timeout=5) as line:
            line.sendall(b"\x00\x20" + b"\xff" * 32)
        return Unknown("no_reply")

    settle = sale


class Unreadable(ReferenceTerminal):
    """Greets in an encoding that is not the one that it declares, and in words that its manifest does not know."""

    manifest = dataclasses.replace(
        ReferenceTerminal.manifest,
        encoding="gbk",
        screens=(TextPattern("欢迎", "prompt"),),
        receipts=(TextPattern("签购单", "other"),),
    )

    def sale(self, action: Action) -> Outcome:
        self.device.display.write("请出示卡片".encode())
        self.device.printer.write("签购单".encode("gbk"))
        return super().sale(action)
