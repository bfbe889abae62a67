"""``--dialect``: a dialect file (a built-in dialect with other rules), a class of the user's own, or a built-in name.

A dialect file is data and says how one acquirer differs from the dialect that it is built on; whatever is wrong with it is told
as for scenarios, all at once, each with its line and the way to mend it. Code comes from the command line alone: a class is named
there (``package.module:Class`` or ``path/to/file.py:Class``), never in a file.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from harness.core.documents import messages
from harness.core.documents.source import Document, Number, read_document
from harness.core.documents.source import Path as Place
from harness.core.errors import UsageError
from harness.core.registry import nearest
from harness.host.dialects import DIALECTS, Dialect, DialectChoice, DialectRules
from harness.iso8583.encoding import WireEncoding
from harness.iso8583.frame import LENGTHS
from harness.scenario.find import shipped_dialects
from harness.scenario.kinds import Size, Text, Whole
from harness.scenario.load import read_text
from harness.scenario.model import Model
from harness.scenario.problems import ScenarioErrors

ENVELOPE_BYTES_MAX = 64
_FILES = (".yaml", ".yml", ".json")
_DECIDED = frozenset({"00", "10"})


def _code(value: object) -> object:
    text = value.written if isinstance(value, Number) else value
    if not isinstance(text, str) or len(text) != 2 or not (text.isascii() and text.isalnum()):
        raise ValueError(f"expected a response code of two characters, such as '96', found {text!r}")
    return text


def _processing(value: object) -> object:
    text = value.written if isinstance(value, Number) else value
    if not isinstance(text, str) or len(text) != 6 or not (text.isascii() and text.isdigit()):
        raise ValueError(f"expected a processing code of six digits, such as '000000', found {text!r}")
    return text


Code = Annotated[str, BeforeValidator(_code)]
Processing = Annotated[str, BeforeValidator(_processing)]


class Line(Model):
    """What stands before the message."""

    tpdu: Size | None = Field(
        None, description="size of the transport address; 5 bytes with addresses that are swapped"
    )
    header: Size | None = Field(None, description="size of the header after it, which is returned as it came")
    length: Literal["2 bytes", "4 bytes", "4 digits"] | None = Field(
        None, description="how the length of a message is written before it"
    )


class Encoding(Model):
    """How things are sent, where it is otherwise than in the base."""

    digits: Literal["bcd", "ascii"] | None = Field(None, description="message type and fields of digits")
    lengths: Literal["bcd", "ascii", "binary"] | None = Field(None, description="length prefixes of fields")
    bitmap: Literal["binary", "hex"] | None = Field(None, description="the bitmap; hex is ASCII text")
    binary: Literal["binary", "hex"] | None = Field(None, description="binary fields; hex is ASCII text")


class Security(Model):
    """What a terminal needs keys for."""

    mac: Literal["required", "none"] | None = Field(
        None, description="whether messages about money carry an authentication code (DE64)"
    )
    logon: Literal["required", "optional"] | None = Field(
        None, description="whether a terminal that has not signed on is refused; optional without mac alone"
    )


class ResponseCodes(Model):
    """What a response code means here, where it is otherwise than usual."""

    undetermined: list[Code] = Field([], description="the host does not know how the request ends")
    definitive: list[Code] = Field([], description="the host did nothing, and will do nothing")


class Reversals(Model):
    """How a request in doubt is taken back."""

    stan: Literal["kept", "new", "either"] | None = Field(
        None, description="whether a reversal has its original's number, or one of its own and names that"
    )
    early: Literal["remembered", "forgotten"] | None = Field(
        None, description="what becomes of a reversal that comes before its original"
    )


class Settlement(Model):
    """The codes of a settlement, in dialects whose settlement has codes."""

    request: Processing | None = Field(None, description="processing code of the request")
    end: Processing | None = Field(None, description="processing code of the request after the upload")
    differs: Code | None = Field(None, description="the answer when totals differ")


class Limits(Model):
    """What a merchant may do, where the scenario does not say it."""

    amount_limit_fen: Whole | None = Field(None, description="above it 61")
    count_limit: Whole | None = Field(None, description="sales a day; from then on 65")


class DialectFile(Model):
    """One dialect file."""

    name: Text = Field(description="what reports call it")
    base: Text = Field(description="the built-in dialect that it is built on")
    summary: Text | None = Field(None, description="one line about it")
    line: Line | None = None
    encoding: Encoding | None = None
    security: Security | None = None
    response_codes: ResponseCodes | None = None
    reversals: Reversals | None = None
    refund_repeat: Code | None = Field(None, description="the answer to a refund that is sent again: 00 or 94")
    settlement: Settlement | None = None
    processing_codes: dict[str, Processing] = Field({}, description="DE3 by transaction")
    limits: Limits | None = None


def load_dialect(spec: str) -> DialectChoice:
    """The dialect that ``spec`` names. Raises UsageError; ScenarioErrors for a file with mistakes."""
    if Path(spec).suffix in _FILES:
        path = Path(spec)
        return read_dialect(read_text(path), str(path), json=path.suffix == ".json")
    if ":" in spec:
        return _of_class(spec)
    if spec in DIALECTS:
        return DialectChoice.named(spec)
    shipped = shipped_dialects()
    if spec in shipped:
        return read_dialect(read_text(shipped[spec]), str(shipped[spec]))
    known = [*DIALECTS.names(), *shipped]
    raise UsageError(
        f"--dialect: no dialect named {spec!r}; {nearest(spec, known)}; or give FILE.yaml or package.module:Class"
    )


# ---------------------------------------------------------------- a file


def read_dialect(text: str, file: str = "<text>", json: bool = False) -> DialectChoice:
    """The dialect that ``text`` describes; ``file`` is its name in messages."""
    document = read_document(text.replace("\r\n", "\n"), json, "a dialect: keys such as 'name:' and 'base:'")
    choice = _choice(document) if document.values or not document.problems else None
    if document.problems or choice is None:
        raise ScenarioErrors(file, document.problems)
    return choice


def _choice(document: Document) -> DialectChoice | None:
    try:
        read = DialectFile.model_validate(document.values)
    except ValidationError as error:
        messages.complain(document, DialectFile, (), error)
        _refuse_unknown_base(document, document.values.get("base"))
        return None
    if _refuse_unknown_base(document, read.base):
        return None
    cls = DIALECTS.get(read.base)
    base = cls.base_rules
    if base is None:
        document.complain(("base",), f"{read.base} has no rules that a file could change")
        return None
    rules = replace(base, name=read.name, **_line(document, read, base), **_codes(document, read, base))
    rules = replace(rules, **_reversals(read), **_settlement(document, read, base), **_security(document, read))
    if read.encoding is not None:
        found = read.encoding
        rules = replace(rules, encoding=WireEncoding(found.digits, found.lengths, found.bitmap, found.binary))
    if read.limits is not None:
        limits = read.limits
        rules = replace(rules, amount_limit_fen=limits.amount_limit_fen, count_limit=limits.count_limit)
    _refuse_ambiguous(document, rules, base)
    return DialectChoice(read.name, cls, rules)


def _refuse_unknown_base(document: Document, base: object) -> bool:
    if not isinstance(base, str) or base in DIALECTS:
        return False
    document.complain(("base",), f"no dialect named {base!r}; {nearest(base, DIALECTS.names())}")
    return True


def _line(document: Document, read: DialectFile, base: DialectRules) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    if read.line is not None and read.line.length is not None:
        changed["length"] = LENGTHS[read.line.length]
    for key, usual in (("tpdu", base.tpdu), ("header", base.header)):
        size = getattr(read.line, key, None)
        if size is None:
            continue
        if size > ENVELOPE_BYTES_MAX:
            document.complain(("line", key), f"expected at most {ENVELOPE_BYTES_MAX} B, found {size} B")
        # The host sends back what came; a terminal has its own idea of the content.
        changed[key] = usual if size == len(usual) else bytes(min(size, ENVELOPE_BYTES_MAX))
    return changed


def _codes(document: Document, read: DialectFile, base: DialectRules) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    if read.response_codes is not None:
        found = read.response_codes
        for key in ("undetermined", "definitive"):
            for place, code in enumerate(getattr(found, key)):
                here: Place = ("response_codes", key, place)
                if code in _DECIDED:
                    document.complain(here, f"{code} is an approval; it cannot be called {key}")
                elif key == "definitive" and code in found.undetermined:
                    document.complain(here, f"{code} is in 'undetermined', too; leave it out of one of them")
        changed = {"undetermined": frozenset(found.undetermined), "definitive": frozenset(found.definitive)}
    if read.refund_repeat is not None:
        if read.refund_repeat not in ("00", "94"):
            document.complain(("refund_repeat",), f"expected '00' or '94', found {read.refund_repeat!r}")
        changed["refund_repeat"] = read.refund_repeat
    for kind in read.processing_codes:
        if kind not in base.codes:
            hint = nearest(kind, list(base.codes))
            document.complain(("processing_codes", kind), f"{base.name} has no {kind!r}; {hint}", at_key=True)
    changed["codes"] = {**base.codes, **read.processing_codes}
    return changed


def _reversals(read: DialectFile) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    if read.reversals is not None:
        if read.reversals.stan is not None:
            changed["reversal_stan"] = read.reversals.stan
        if read.reversals.early is not None:
            changed["remembers_early_reversals"] = read.reversals.early == "remembered"
    return changed


def _security(document: Document, read: DialectFile) -> dict[str, Any]:
    if read.security is None:
        return {}
    has_mac = read.security.mac != "none"
    needs_logon = read.security.logon != "optional"
    if has_mac and not needs_logon:
        document.complain(
            ("security", "logon"),
            "optional needs 'mac: none': an authentication code needs the keys that a logon brings",
        )
    return {"has_mac": has_mac, "needs_logon": needs_logon}


def _settlement(document: Document, read: DialectFile, base: DialectRules) -> dict[str, Any]:
    if read.settlement is None:
        return {}
    if not base.settle_code:
        document.complain(
            ("settlement",), f"{base.name} settles by verdicts in DE48: it has no such codes", at_key=True
        )
        return {}
    found = read.settlement
    names = (("request", "settle_code"), ("end", "settle_end_code"), ("differs", "differs_code"))
    changed = {name: getattr(found, key) for key, name in names if getattr(found, key) is not None}
    if changed.get("settle_code", base.settle_code) == changed.get("settle_end_code", base.settle_end_code):
        key = "end" if "settle_end_code" in changed else "request"
        document.complain(("settlement", key), "request and end have the same code; the host could not tell them apart")
    if changed.get("differs_code") == "00":
        document.complain(("settlement", "differs"), "'00' says that the totals agree; give another code")
    return changed


def _refuse_ambiguous(document: Document, rules: DialectRules, base: DialectRules) -> None:
    """Transactions that the base tells apart by their code alone must have different ones."""
    codes = rules.codes
    for one, other in (("sale", "void"),):
        if base.codes[one] != base.codes[other] and codes[one] == codes[other]:
            document.complain(("processing_codes",), f"{one} and {other} have the same code {codes[one]}", at_key=True)


# ---------------------------------------------------------------- a class


def _of_class(spec: str) -> DialectChoice:
    place, _, name = spec.rpartition(":")
    if not place or not name:
        raise UsageError(f"--dialect {spec}: expected FILE.yaml or package.module:Class")
    try:
        module = _module(place)
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"--dialect {spec}: importing {place} failed: {type(error).__name__}: {error}") from error
    found = getattr(module, name, None)
    if not isinstance(found, type) or not issubclass(found, Dialect):
        classes = [
            each for each, value in vars(module).items() if isinstance(value, type) and issubclass(value, Dialect)
        ]
        own = [each for each in classes if each != "Dialect"]
        hint = nearest(name, own) if own else "it has none"
        raise UsageError(
            f"--dialect {spec}: {place} has no subclass of harness.host.dialects.Dialect named {name!r}; {hint}"
        )
    if inspect.isabstract(found):
        raise UsageError(f"--dialect {spec}: {name} lacks {', '.join(sorted(found.__abstractmethods__))}")
    return DialectChoice(spec, found)


def _module(place: str) -> Any:
    if not place.endswith(".py"):
        return importlib.import_module(place)
    path = Path(place)
    if not path.is_file():
        raise UsageError(f"--dialect: there is no file {place}")
    wanted = importlib.util.spec_from_file_location(path.stem, path)
    assert wanted is not None and wanted.loader is not None
    module = importlib.util.module_from_spec(wanted)
    sys.modules[path.stem] = module
    wanted.loader.exec_module(module)
    return module
