"""From cells to records: times, words, amounts and cards, as the mapping says."""

from __future__ import annotations

import datetime
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

from harness.core.masking import mask_text
from harness.core.registry import nearest
from harness.core.units import US_PER_MS, US_PER_SECOND
from harness.engine.fieldlog.mapping import RESULT_WORDS, WORDS, Mapping, WordColumn
from harness.engine.fieldlog.model import RESULTS, WHATS, LogError, Record, Result, What
from harness.engine.fieldlog.tables import Cells, rows

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_AMOUNT_FEN_MAX = 999_999_999_999
_ONLY = "the terminal"


def records(path: Path, mapping: Mapping) -> list[Record]:
    """Everything that the log says, in the order of its times. Raises LogError, which names the line."""
    reader = _Reader(str(path), mapping)
    found = [record for number, cells in rows(path, mapping) if (record := reader.record(number, cells)) is not None]
    if mapping.sorted:
        _refuse_backwards(str(path), found)
    else:
        found.sort(key=lambda each: each.at_us)
    return found


def card_key(number: str) -> str:
    """What tells one card from another, and is no card number: it never leaves the import."""
    digits = "".join(character for character in number if character.isdigit() or character in "*xX")
    return blake2b(digits.encode(), digest_size=8).hexdigest() if digits else ""


def local_us(moment: datetime.datetime, zone: str) -> int:
    """Local time as microseconds since 1970-01-01: what a clock on the wall showed."""
    wall = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=datetime.UTC)
    return (wall - _EPOCH) // datetime.timedelta(microseconds=1)


def _refuse_backwards(file: str, found: list[Record]) -> None:
    latest: dict[str, Record] = {}
    for record in found:
        before = latest.get(record.terminal)
        if before is not None and record.at_us < before.at_us:
            raise LogError(
                file,
                record.line,
                f"its time is {(before.at_us - record.at_us) / US_PER_SECOND:,.3f} s before that of line {before.line}; put "
                "'sorted: false' in the mapping where lines may be out of order",
            )
        latest[record.terminal] = record


class _Reader:
    def __init__(self, file: str, mapping: Mapping) -> None:
        self._file = file
        self._mapping = mapping

    def record(self, line: int, cells: Cells) -> Record | None:
        """The record of a line; None when nothing is made of it."""
        mapping = self._mapping
        what = cast(What, self._word(line, cells, mapping.action, WORDS, WHATS, "action"))
        if what == "ignore":
            return None
        result, code = self._result(line, cells)
        return Record(
            line,
            self._time(line, cells),
            cells.get(mapping.terminal.column, "") or _ONLY,
            what,
            self._amount(line, cells),
            result,
            code,
            card_key(cells.get(mapping.card.column, "")),
        )

    def _result(self, line: int, cells: Cells) -> tuple[Result, str]:
        column = self._mapping.result
        written = cells.get(column.column, "").strip()
        if len(written) == 2 and written.isascii() and written.isalnum() and written not in column.words:
            return ("approved" if written == "00" else "declined"), written
        if not written:
            return "", ""
        word = self._word(line, cells, column, RESULT_WORDS, RESULTS, "result")
        return cast(Result, "" if word == "ignore" else word), ""

    def _word(
        self, line: int, cells: Cells, column: WordColumn, known: dict[str, str], meanings: tuple[str, ...], what: str
    ) -> str:
        if column.column not in cells:
            raise self._error(line, f"there is no {column.column!r}, which is to hold the {what} (see the mapping)")
        written = cells[column.column].strip()
        meaning = column.words.get(written) or known.get(written.lower())
        if meaning is not None:
            return meaning
        if column.others == "ignore":
            return "ignore"
        shown = mask_text(written[:40])
        hint = nearest(written.lower()[:40], [*column.words, *known])
        hint = (
            hint
            if hint.startswith("did")
            else f"say which it is under '{what}: words:' ({', '.join(each for each in meanings if each)})"
        )
        raise self._error(line, f"nothing is known of the {what} {shown!r}; {hint}")

    def _time(self, line: int, cells: Cells) -> int:
        time = self._mapping.time
        missing = [column for column in time.column if column not in cells]
        if missing:
            raise self._error(line, f"there is no {missing[0]!r}, which is to hold the time (see the mapping)")
        written = " ".join(cells[column] for column in time.column)
        zone = ZoneInfo(time.zone)
        try:
            if time.format in ("epoch", "epoch_ms"):
                unit_us = US_PER_SECOND if time.format == "epoch" else US_PER_MS
                moment = _EPOCH + datetime.timedelta(microseconds=int(Decimal(written) * unit_us))
            elif time.format == "iso":
                moment = datetime.datetime.fromisoformat(written)
            else:
                moment = datetime.datetime.strptime(written, time.format)  # noqa: DTZ007 - its zone comes below
        except (ValueError, OverflowError, InvalidOperation):
            raise self._error(
                line, f"{mask_text(written[:60])!r} is no time of the form {time.format!r} (time: format:)"
            ) from None
        return local_us(moment if moment.tzinfo is not None else moment.replace(tzinfo=zone), time.zone)

    def _amount(self, line: int, cells: Cells) -> int | None:
        amount = self._mapping.amount
        written = cells.get(amount.column, "").strip().lstrip("¥￥").replace(",", "").removesuffix("元").strip()
        if not written:
            return None
        try:
            fen = Decimal(written) * (100 if amount.unit == "yuan" else 1)
        except InvalidOperation:
            raise self._error(line, f"{mask_text(written[:40])!r} is no amount in {amount.unit}") from None
        if not fen.is_finite() or fen != fen.to_integral_value() or abs(fen) > _AMOUNT_FEN_MAX:
            raise self._error(
                line, f"{mask_text(written[:40])!r} is no amount of whole fen in {amount.unit} (amount: unit:)"
            )
        # Logs write money that goes back with a minus.
        return abs(int(fen))

    def _error(self, line: int, message: str) -> LogError:
        return LogError(self._file, line, message)
