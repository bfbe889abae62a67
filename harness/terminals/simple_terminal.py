"""The flows that the naive terminals share: sale, void, refund, settlement, with an ordinary idea of safety.

They do what a sensible programmer does who trusts his storage: number before use, reversal before the request, log before the
screen. How numbers, reversals and log are kept is the subclass's, and that is where each goes wrong in its own way. An
error while storing is shown as such ("文件错误", "存储空间不足"), as in the field. Terminals that skip these steps
are among the mutants.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from harness.contract import (
    Action,
    Approved,
    Declined,
    DeviceError,
    Done,
    Failed,
    Inspection,
    Outcome,
    Receipt,
    Record,
    Refused,
    Screen,
    Terminal,
    Totals,
    Unknown,
)
from harness.iso8583.unionpay import SettlementTotals, UploadItem
from harness.terminals.simple_client import SimpleClient

Fields = dict[str, str | int | bool]
FILE_ERROR = "文件错误 FILE ERROR"
NO_SPACE = "存储空间不足 NOT ENOUGH STORAGE SPACE"
SETTLEMENT_NEEDS_SPACE = "结算失败,请清理缓存 SETTLE FAILED, CLEAR THE CACHE"
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
MEMORY_SLACK_BYTES = 1 << 20
"""They hold the whole batch in memory, by design: that is no leak."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the terminal's log, or its pending reversal."""

    kind: str
    batch: str
    stan: str
    amount_fen: int
    sealed_pan: str = ""
    rrn: str = ""
    date: str = ""
    voided: bool = False

    def fields(self) -> Fields:
        """As plain values, for whatever keeps it."""
        return asdict(self)


class SimpleTerminal(Terminal):
    """Flows over seven storage methods, which may raise OSError like any file operation."""

    limit = 500

    def open_storage(self) -> None:
        raise NotImplementedError

    def setting(self, name: str, default: str) -> str:
        raise NotImplementedError

    def save_setting(self, name: str, value: str) -> None:
        raise NotImplementedError

    def log(self) -> list[Entry]:
        raise NotImplementedError

    def add(self, entry: Entry) -> None:
        raise NotImplementedError

    def mark_voided(self, stan: str) -> None:
        raise NotImplementedError

    def clear_log(self) -> None:
        raise NotImplementedError

    def pending(self) -> Entry | None:
        raise NotImplementedError

    def set_pending(self, entry: Entry | None) -> None:
        raise NotImplementedError

    def boot(self) -> None:
        self.client = SimpleClient(self.device, self.manifest.reply_timeout_s)
        self.open_storage()

    @property
    def batch(self) -> str:
        """The open batch."""
        return self.setting("batch", "000001")

    def take_stan(self) -> str:
        """The next trace number, saved before it is used."""
        stan = f"{int(self.setting('stan', '000000')) % 999_999 + 1:06d}"
        self.save_setting("stan", stan)
        return stan

    # ------------------------------------------------------------ actions

    def sign_on(self, action: Action) -> Outcome:
        try:
            return Done("签到成功") if self._sign_on() else Failed("sign_on", "签到失败")
        except OSError:
            return Failed("file", FILE_ERROR)

    def sale(self, action: Action) -> Outcome:
        return self._guarded("sale", action)

    def void(self, action: Action) -> Outcome:
        return self._guarded("void", action)

    def refund(self, action: Action) -> Outcome:
        return self._guarded("refund", action)

    def settle(self, action: Action) -> Outcome:
        try:
            return self._settle()
        except OSError as error:
            return Failed("file", SETTLEMENT_NEEDS_SPACE if error.errno in _NO_ROOM else "结算失败 " + FILE_ERROR)

    def reprint(self, action: Action) -> Outcome:
        found = [entry for entry in self.log() if action.original_stan in ("", entry.stan)]
        if not found:
            return Failed("not_found", "无此交易")
        return Done() if self._print(found[-1], duplicate=True) else Failed("paper_out", "缺纸")

    # ------------------------------------------------------------ flows

    def _sign_on(self) -> bool:
        batch = self.client.sign_on(self.take_stan(), self.batch)
        if batch and batch != self.batch and not self.log():
            self.save_setting("batch", batch)
        return bool(batch)

    def _ready(self) -> bool:
        return self.device.pin_pad.has_key("mac") or self._sign_on()

    def _reversed(self) -> bool:
        pending = self.pending()
        if pending is None:
            return True
        if self._ready() and self.client.reversal(pending.kind, pending.batch, pending.stan, pending.amount_fen):
            self.set_pending(None)
            return True
        return False

    def _guarded(self, kind: str, action: Action) -> Outcome:
        try:
            return self._transact(kind, action)
        except OSError as error:
            text = NO_SPACE if error.errno in _NO_ROOM else FILE_ERROR
            self.device.display.show(Screen("error", text))
            return Failed("file", text)

    def _transact(self, kind: str, action: Action) -> Outcome:
        log = self.log()
        if len(log) >= self.limit:
            self.device.display.show(Screen("storage_full", "存储满,请先结算"))
            return Refused("storage_full", "存储满,请先结算")
        if not self._reversed():
            return Refused("reversal_pending", "冲正未完成")
        if not self._ready():
            return Refused("not_signed_on", "请签到")
        original = next((entry for entry in log if entry.stan == action.original_stan), None)
        if kind == "void" and (original is None or original.voided or original.kind != "sale"):
            return Refused("original_not_found", "原交易不存在")
        card = None
        pan = self._unseal(original) if original is not None else ""
        if not pan:
            self.device.display.show(Screen("prompt", "请刷卡"))
            try:
                card = self.device.card.read(60.0)
            except DeviceError:
                return Refused("card", "读卡失败")
            pan = card.pan
        named = None
        if kind != "sale":
            date = action.original_date if kind == "refund" else ""
            rrn = original.rrn if original is not None else action.original_rrn
            named = (action.original_batch or self.batch, action.original_stan, rrn, date)
        entry = Entry(
            kind, self.batch, self.take_stan(), action.amount_fen, self.device.pin_pad.encrypt(pan.encode()).hex()
        )
        if kind != "refund":
            self.set_pending(entry)
        self.device.display.show(Screen("processing", "处理中"))
        reply = self.client.financial(kind, entry.batch, entry.stan, entry.amount_fen, card, named)
        if reply is None or reply.text(39, "") in ("", "96", "98"):
            return Unknown("no_answer", "交易超时", entry.stan)
        code = reply.text(39)
        if code != "00":
            self.set_pending(None)
            if code in ("77", "A0"):
                self._sign_on()
            return Declined(f"host_{code}", f"交易拒绝 {code}", entry.stan)
        return self._approved(replace(entry, rrn=reply.text(37, ""), date=reply.text(13, "")), action)

    def _approved(self, entry: Entry, action: Action) -> Outcome:
        self.add(entry)
        if entry.kind == "void":
            self.mark_voided(action.original_stan)
        self.set_pending(None)
        self.device.display.show(
            Screen("approved", "交易成功", entry.amount_fen, entry.stan, entry.batch, entry.rrn or None)
        )
        self._print(entry, duplicate=False)
        return Approved(entry.stan, entry.batch, entry.rrn)

    def _settle(self) -> Outcome:
        if not self._reversed():
            return Failed("reversal_pending", "冲正未完成")
        if not self._ready():
            return Failed("not_signed_on", "请签到")
        batch = self.batch
        active = [entry for entry in self.log() if not entry.voided and entry.kind != "void"]
        sales = [entry.amount_fen for entry in active if entry.kind == "sale"]
        refunds = [entry.amount_fen for entry in active if entry.kind == "refund"]
        totals = Totals(len(sales), sum(sales), len(refunds), sum(refunds))
        verdict = self.client.settle(
            batch, self.take_stan(), SettlementTotals(sum(sales), len(sales), sum(refunds), len(refunds))
        )
        if not verdict:
            return Failed("no_answer", "结算失败")
        if verdict == "unbalanced":
            for start in range(0, len(active), 8):
                items = [UploadItem("00", e.stan, self._unseal(e), e.amount_fen) for e in active[start : start + 8]]
                if not self.client.upload(batch, self.take_stan(), items):
                    return Failed("upload", "批上送失败")
        if not self.client.end(batch, self.take_stan(), len(active), balanced=verdict == "balanced"):
            return Failed("no_answer", "结算失败")
        try:
            self.device.printer.print(Receipt("settlement", f"结算单 {batch}", batch=batch, totals=totals))
        except DeviceError:
            return Failed("paper_out", "缺纸")
        self.clear_log()
        self.save_setting("batch", f"{int(batch) % 999_999 + 1:06d}")
        self.device.display.show(Screen("settled", "结算成功", batch=batch))
        return Done("结算成功")

    def _unseal(self, entry: Entry) -> str:
        return self.device.pin_pad.decrypt(bytes.fromhex(entry.sealed_pan)).decode()

    def _print(self, entry: Entry, *, duplicate: bool) -> bool:
        text = f"{entry.kind} {entry.amount_fen / 100:.2f} {entry.stan}"
        kind = "sale" if entry.kind == "sale" else "void" if entry.kind == "void" else "refund"
        try:
            self.device.printer.print(
                Receipt(kind, text, entry.amount_fen, entry.stan, entry.batch, entry.rrn or None, duplicate)  # type: ignore[arg-type]
            )
        except DeviceError:
            return False
        return True


def inspection(settings: Mapping[str, str], rows: list[Fields], pending: list[str]) -> Inspection:
    """What the files of a simple terminal say."""
    records = tuple(
        Record(
            str(row["stan"]),
            str(row["batch"]),
            str(row["kind"]),
            int(row["amount_fen"]),
            "voided" if row["voided"] else "active",
        )
        for row in rows
    )
    stan = int(settings.get("stan", "000000"))
    return Inspection(settings.get("batch", "000001"), f"{stan % 999_999 + 1:06d}", records, tuple(pending))
