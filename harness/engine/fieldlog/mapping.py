"""The mapping file: which column of a log is what, in which words, units and time zone.

::

    format: csv                     # or jsonl; csv may have: delimiter: ";", header: false (columns are then "1", "2", ...)
    encoding: gbk                   # utf-8 when left out
    sorted: false                   # lines may be out of order; else a time that goes backwards is an error
    time: {column: [date, time], format: "%Y-%m-%d %H:%M:%S", zone: Asia/Shanghai}
    terminal: {column: tid}         # without it all lines are one terminal's
    action: {column: type, words: {消费: sale, 结算: settle, 开机: boot, 心跳: ignore}}
    amount: {column: amount, unit: yuan}
    result: {column: result, words: {成功: approved, 超时: no_reply}}
    card: {column: pan}             # read to tell cards apart, and never kept

A time's format is ``iso``, ``epoch`` (seconds), ``epoch_ms``, or one of strptime's. Without a mapping the keys' own names are the
columns: time, terminal, action, amount, result, card, with times in ISO form and amounts in fen.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, ValidationError

from harness.core.documents import messages
from harness.core.documents.source import Document, read_document
from harness.core.documents.values import found
from harness.core.registry import nearest
from harness.engine.fieldlog.model import RESULTS, WHATS
from harness.scenario.kinds import Flag, Text
from harness.scenario.load import read_text
from harness.scenario.model import Model
from harness.scenario.problems import ScenarioErrors

DEFAULT_ZONE = "Asia/Shanghai"

WORDS: dict[str, str] = {
    **{what: what for what in WHATS},
    "消费": "sale", "消费撤销": "void", "撤销": "void", "退货": "refund", "预授权": "preauth", "预授权完成": "completion",
    "预授权撤销": "preauth_void", "结算": "settle", "批结算": "settle", "签到": "other", "sign_on": "other", "签退": "sign_off",
    "重打印": "reprint", "清理缓存": "clear_cache", "重启": "restart", "reboot": "restart", "开机": "boot", "断电": "power_cut",
    "冲正": "reversal", "purchase": "sale", "settlement": "settle",
}  # fmt: skip
RESULT_WORDS: dict[str, str] = {
    **{result: result for result in RESULTS if result},
    "成功": "approved", "ok": "approved", "success": "approved", "拒绝": "declined", "失败": "failed", "超时": "no_reply",
    "无应答": "no_reply", "timeout": "no_reply", "复位": "reset",
}  # fmt: skip


def _columns(value: object) -> object:
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return value
    if isinstance(value, str | int) and not isinstance(value, bool):
        return [str(value)]
    raise ValueError(f"expected a column, or a list of them, found {found(value)}")


def _zone(value: object) -> object:
    try:
        return ZoneInfo(str(value)).key
    except (ValueError, OSError, KeyError):
        raise ValueError(f"expected a time zone such as {DEFAULT_ZONE}, found {found(value)}") from None


Columns = Annotated[list[str], BeforeValidator(_columns)]
Zone = Annotated[str, BeforeValidator(_zone)]


class TimeColumn(Model):
    """Where the time stands, and how it is written."""

    column: Columns = ["time"]
    format: Text = "iso"
    zone: Zone = DEFAULT_ZONE


class Column(Model):
    """A column whose words are taken as they are."""

    column: Text


class WordColumn(Model):
    """A column of words, and what they mean here besides those that are known."""

    column: Text
    words: dict[Text, Text] = {}
    others: Literal["refuse", "ignore"] = "refuse"


class AmountColumn(Model):
    """Where the amount stands."""

    column: Text = "amount"
    unit: Literal["fen", "yuan"] = "fen"


class Mapping(Model):
    """One mapping file."""

    format: Literal["csv", "jsonl"] | None = None
    """Without it the log's name decides."""
    encoding: Text = "utf-8"
    delimiter: Text = ","
    header: Flag = True
    sorted: Flag = True
    time: TimeColumn = TimeColumn()
    terminal: Column = Column(column="terminal")
    action: WordColumn = WordColumn(column="action")
    amount: AmountColumn = AmountColumn()
    result: WordColumn = WordColumn(column="result")
    card: Column = Column(column="card")


def read_mapping(path: Path | None) -> Mapping:
    """The mapping in the file, or the usual one. Raises ScenarioErrors with every mistake of the file."""
    if path is None:
        return Mapping()
    document = read_document(
        read_text(path).replace("\r\n", "\n"), path.suffix == ".json", "a mapping: keys such as 'time:'"
    )
    mapping = _validated(document)
    if mapping is None or document.problems:
        raise ScenarioErrors(str(path), document.problems)
    return mapping


def _validated(document: Document) -> Mapping | None:
    if document.problems and not document.values:
        return None
    try:
        mapping = Mapping.model_validate(document.values)
    except ValidationError as error:
        messages.complain(document, Mapping, (), error)
        return None
    for key, known in (("action", WHATS), ("result", RESULTS)):
        words: dict[str, str] = getattr(mapping, key).words
        for word, meaning in words.items():
            if meaning not in known:
                document.complain(
                    (key, "words", word), f"nothing is called {meaning!r}; {nearest(meaning, list(known))}"
                )
    if len(mapping.delimiter) != 1:
        document.complain(("delimiter",), f"expected one character, found {mapping.delimiter!r}")
    return mapping
