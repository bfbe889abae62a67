"""A manifest from outside Python: ``PROGRAM.manifest.yaml`` beside the program, or the JSON that ``PROGRAM --manifest`` prints.

Its keys are the fields of ``harness.contract.Manifest``; ``actions`` is a list, ``screens`` and ``receipts`` are lists of
``{pattern: ..., kind: ...}``. ``text`` is for programs that only print text (``harness.sut.wire.text``); with ``tls: true``
a program speaks TLS to the acquirer, and is told whom to trust (``harness.sut.supervisor.authority``)::

    name: corner shop
    actions: [sale, void, settle]
    reversal: before_next
    max_transactions: 500

Whatever is wrong with it is told as for scenarios: all at once, each with its line, what was expected and what was found.
pydantic ends here: what leaves is a ``Manifest``.
"""

from __future__ import annotations

import codecs
import dataclasses
import typing
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, create_model

from harness.contract import ActionKind, Manifest, ReceiptKind, ScreenKind, TextPattern
from harness.core.documents import messages
from harness.core.documents.problems import DocumentErrors, Problem
from harness.core.documents.source import Document, Fraction, Number, Path, read_document
from harness.core.documents.values import found
from harness.device.text_map import text_map
from harness.sut.wire.text import TextLines, template_problem

FILE_BYTES_MAX = 256 * 1024
SUFFIX = ".manifest.yaml"
"""What is added to a program's path for the file beside it."""
_WHAT = "a manifest: keys such as 'name:' and 'actions:'"
_ABOVE_ZERO = ("reply_timeout_s", "recovery_timeout_s", "transaction_p95_s", "duplicate_window_s")


@dataclass(frozen=True, slots=True)
class Declared:
    """What a program declares. ``text`` is set for one that only prints text."""

    manifest: Manifest
    text: TextLines | None = None
    tls: bool = False
    """Whether it speaks TLS to the acquirer."""


def read_manifest(content: bytes, where: str, *, json: bool = False) -> Declared:
    """The manifest that ``content`` holds; ``where`` is its name in messages. Raises DocumentErrors for what is wrong."""
    if len(content) > FILE_BYTES_MAX:
        raise DocumentErrors(where, [Problem(1, 1, f"a manifest has at most {FILE_BYTES_MAX >> 10} KiB")])
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        raise DocumentErrors(where, [Problem(line, column, "expected UTF-8 text")]) from None
    document = read_document(text.replace("\r\n", "\n"), json, _WHAT)
    declared = _declared(document) if document.values or not document.problems else None
    if document.problems or declared is None:
        raise DocumentErrors(where, document.problems)
    return declared


# ---------------------------------------------------------------- the shape of the file


def _text(value: object) -> object:
    # A version such as 1.10 is text, whether or not somebody put it in quotes.
    if isinstance(value, Number | Fraction):
        return value.written
    if not isinstance(value, str):
        raise ValueError(f"expected text, found {found(value)}")
    return value


def _whole(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 53:
        raise ValueError(f"expected a whole number from 0 up, found {found(value)}")
    return int(value)


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1 << 53:
        raise ValueError(f"expected a number from 0 up, found {found(value)}")
    return float(value)


_Text = Annotated[str, BeforeValidator(_text)]
_KINDS: dict[Any, Any] = {
    str: _Text,
    int: Annotated[int, BeforeValidator(_whole)],
    float: Annotated[float, BeforeValidator(_number)],
    int | None: Annotated[int, BeforeValidator(_whole)] | None,
    float | None: Annotated[float, BeforeValidator(_number)] | None,
}


def _flag(value: object) -> object:
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, found {found(value)}")
    return value


class _Model(BaseModel):
    """Unknown keys are errors everywhere."""

    model_config = ConfigDict(extra="forbid")


class _Screen(_Model):
    pattern: _Text
    kind: ScreenKind


class _Slip(_Model):
    pattern: _Text
    kind: ReceiptKind


class _TextLines(_Model):
    slip_prefix: _Text = ""
    events: dict[str, _Text]


def _is_choice(hint: object) -> bool:
    """Whether a field is one of some words, or of some words and nothing."""
    return typing.get_origin(hint) is Literal or any(
        typing.get_origin(each) is Literal for each in typing.get_args(hint)
    )


@cache
def _model() -> type[_Model]:
    """One key a field of ``Manifest``, and ``text``."""
    hints = typing.get_type_hints(Manifest)
    special: dict[str, Any] = {"actions": list[ActionKind], "screens": list[_Screen], "receipts": list[_Slip]}
    members: dict[str, Any] = {}
    for field in dataclasses.fields(Manifest):
        hint = hints[field.name]
        kind = special.get(field.name) or (hint if _is_choice(hint) else _KINDS[hint])
        members[field.name] = (kind, ... if field.default is dataclasses.MISSING else field.default)
    members["text"] = (_TextLines | None, None)
    members["tls"] = (Annotated[bool, BeforeValidator(_flag)], False)
    made: type[_Model] = create_model("ManifestFile", __base__=_Model, **members)
    return made


# ---------------------------------------------------------------- what it says


def _declared(document: Document) -> Declared | None:
    try:
        read: Any = _model().model_validate(document.values)
    except ValidationError as error:
        messages.complain(document, _model(), (), error)
        return None
    values = {field.name: getattr(read, field.name) for field in dataclasses.fields(Manifest)}
    values["actions"] = frozenset(read.actions)
    for name in ("screens", "receipts"):
        values[name] = tuple(TextPattern(each.pattern, each.kind) for each in values[name])
    manifest = Manifest(**values)
    _check(document, manifest)
    text = None if read.text is None else TextLines(dict(read.text.events), read.text.slip_prefix, manifest.encoding)
    if text is not None:
        _check_text(document, manifest, text)
    return Declared(manifest, text, read.tls)


def _check(document: Document, manifest: Manifest) -> None:
    if not manifest.name.strip():
        document.complain(("name",), "the name is empty")
    for name in _ABOVE_ZERO:
        if getattr(manifest, name) == 0:
            document.complain((name,), "it must be above 0 seconds")
    try:
        codecs.lookup(manifest.encoding)
    except (LookupError, ValueError):
        document.complain(("encoding",), f"Python knows no encoding {manifest.encoding[:40]!r}; try 'gbk' or 'utf-8'")
        return
    for at, each in enumerate(manifest.screens):
        _check_pattern(document, ("screens", at, "pattern"), (each,), ())
    for at, each in enumerate(manifest.receipts):
        _check_pattern(document, ("receipts", at, "pattern"), (), (each,))
    try:
        text_map(manifest.encoding, manifest.screens, manifest.receipts)
    except ValueError as error:
        if not document.problems:  # how many there are, which none of them says alone
            document.complain(("screens",), str(error))


def _check_pattern(
    document: Document, path: Path, screens: tuple[TextPattern, ...], receipts: tuple[TextPattern, ...]
) -> None:
    try:
        text_map("utf-8", screens, receipts)
    except ValueError as error:
        document.complain(path, str(error).partition("): ")[2] or str(error))


def _check_text(document: Document, manifest: Manifest, text: TextLines) -> None:
    for event, template in text.events.items():
        problem = template_problem(event, template)
        if problem:
            document.complain(("text", "events", event), problem)
    if not any(each.kind == "idle" for each in manifest.screens):
        document.complain(
            ("text",),
            "no pattern in `screens` is of the kind idle; with it the program says that it is ready",
            at_key=True,
        )
    for action in sorted(manifest.actions - text.events.keys()):
        document.complain(("text", "events"), f"{action} is one of the actions and has no line", at_key=True)
