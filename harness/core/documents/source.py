"""YAML and JSON text to plain values that know their place.

Reads YAML 1.2 by ruamel's composer and builds plain values itself: data never becomes code, a key that stands twice is a
problem, an identifier with a leading zero stays text, and each value's line and column are kept. Bounded: file size, size
of everything but the decisions, depth, number of values; anchors are allowed, what they multiply is counted.

A resolved scenario may hold a hundred thousand decisions in one block of literal text. That block is cut out before the
YAML parser sees it and its lines are handed over as they are; the parser would take most of a minute for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from harness.core.documents.problems import Problem

FILE_BYTES_MAX = 32 * 1024 * 1024
STRUCTURE_BYTES_MAX = 256 * 1024
"""Everything but the block of decisions."""
DEPTH_MAX = 24
VALUES_MAX = 50_000

Path: TypeAlias = tuple[str | int, ...]
Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"


class Number(int):
    """A whole number that remembers how it was written, for places where text is wanted after all."""

    written: str


class Fraction(float):
    """A decimal number that remembers how it was written."""

    written: str


@dataclass(slots=True)
class Document:
    """A scenario file's values, the place of each, and the problems met so far."""

    values: dict[str, Plain] = field(default_factory=dict)
    places: dict[Path, tuple[int, int]] = field(default_factory=dict)
    """Where each value stands."""
    key_places: dict[Path, tuple[int, int]] = field(default_factory=dict)
    """Where the key of each value stands."""
    problems: list[Problem] = field(default_factory=list)
    decision_lines: list[str] | None = None
    decision_line: int = 0
    """Line number of the first decision."""

    def place(self, path: Path) -> tuple[int, int]:
        """Where ``path``, or the innermost thing around it that exists, stands."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, (1, 1))

    def complain(self, path: Path, message: str, at_key: bool = False) -> None:
        """Note a problem with the value at ``path``, or with its key."""
        line, column = self.key_places[path] if at_key and path in self.key_places else self.place(path)
        self.problems.append(Problem(line, column, message, path_text(path)))


def path_text(path: Path) -> str:
    """``faults[0].at.time``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


_DECISIONS = re.compile(r"^decisions:[ \t]*\|[-+]?[ \t]*(?:#.*)?$", re.MULTILINE)
_PLAIN_TAGS = frozenset({"null", "bool", "int", "float", "str", "seq", "map", "timestamp", "merge", "value"})
_INT = re.compile(r"^[-+]?(0|[1-9]\d*)$")
_FLOAT = re.compile(r"^[-+]?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$")
_CONSTANTS: dict[str, bool | None] = {
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    "null": None, "Null": None, "NULL": None, "~": None, "": None,
}  # fmt: skip


def read_document(
    text: str, json: bool = False, what: str = "a scenario: keys such as 'name:' and 'faults:'"
) -> Document:
    """The document that ``text`` holds. Nothing is raised for what a file may hold: problems are in the document.

    ``what``: what the file should hold, as its errors say it.
    """
    document = Document()
    if len(text) > FILE_BYTES_MAX:
        document.problems.append(Problem(1, 1, f"the file is larger than {FILE_BYTES_MAX >> 20} MiB"))
        return document
    text = text.removeprefix("\ufeff")
    if json:
        text = text.replace("\t", " ")  # JSON may be indented by tabs, which YAML forbids; one for one keeps columns
    text, cut = _cut_decisions(text, document)
    if len(text) > STRUCTURE_BYTES_MAX:
        limit = f"{STRUCTURE_BYTES_MAX >> 10} KiB without its decisions"
        document.problems.append(Problem(1, 1, f"the file is larger than {limit}"))
        return document
    try:
        _Builder(document, cut, what).build(YAML(typ="safe", pure=True).compose(text))
    except MarkedYAMLError as error:
        document.problems.append(_syntax_problem(error, cut))
    except YAMLError as error:
        document.problems.append(Problem(1, 1, f"not YAML: {str(error).splitlines()[0]}"))
    except RecursionError:
        document.problems.append(Problem(1, 1, f"nested more than {DEPTH_MAX} deep"))
    except _TooMuch as error:
        document.problems.append(error.problem)
    return document


@dataclass(frozen=True, slots=True)
class _Cut:
    """Lines taken out of the text: those behind line ``after`` really stand ``lines`` further down."""

    after: int
    lines: int

    def line(self, line: int) -> int:
        return line + self.lines if line > self.after else line


def _cut_decisions(text: str, document: Document) -> tuple[str, _Cut]:
    start = _DECISIONS.search(text)
    if start is None:
        return text, _Cut(0, 0)
    before, rest = text[: start.start()], text[start.end() + 1 :]
    lines = rest.split("\n")
    end = next((at for at, line in enumerate(lines) if line and line[0] not in " \t\r"), len(lines))
    key_line = before.count("\n") + 1
    document.decision_lines = lines[:end]
    document.decision_line = key_line + 1
    return f'{before}decisions: ""\n' + "\n".join(lines[end:]), _Cut(key_line, end)


def _syntax_problem(error: MarkedYAMLError, cut: _Cut) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    problem = (error.problem or str(error)).strip().replace("\n", " ")
    context = f" {error.context.strip()}" if error.context else ""
    return Problem(cut.line(line), column, f"not YAML: {problem}{context}")


class _TooMuch(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


class _Builder:
    """Turns ruamel's nodes into plain values."""

    def __init__(self, document: Document, cut: _Cut, what: str) -> None:
        self._document = document
        self._cut = cut
        self._what = what
        self._values = 0

    def build(self, root: Node | None) -> None:
        if root is None:
            self._document.problems.append(Problem(1, 1, f"the file is empty; expected {self._what.partition(':')[0]}"))
        elif not isinstance(root, MappingNode):
            line, column = self._place(root)
            self._document.problems.append(Problem(line, column, f"expected {self._what}"))
        else:
            value = self._value(root, ())
            assert isinstance(value, dict)
            self._document.values = value

    def _place(self, node: Node) -> tuple[int, int]:
        mark = node.start_mark
        return self._cut.line(mark.line + 1), mark.column + 1

    def _value(self, node: Node, path: Path) -> Plain:
        self._values += 1
        place = self._place(node)
        if self._values > VALUES_MAX:
            raise _TooMuch(Problem(*place, f"more than {VALUES_MAX} values; do anchors multiply them?"))
        if len(path) > DEPTH_MAX:
            raise _TooMuch(Problem(*place, f"nested more than {DEPTH_MAX} deep"))
        self._document.places[path] = place
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        self._refuse_tag(node, path)
        if isinstance(node, SequenceNode):
            return [self._value(child, (*path, number)) for number, child in enumerate(node.value)]
        assert isinstance(node, MappingNode)
        return dict(self._items(node, path))

    def _items(self, node: MappingNode, path: Path) -> Iterator[tuple[str, Plain]]:
        seen: set[str] = set()
        for key_node, value_node in node.value:
            line, column = self._place(key_node)
            if not isinstance(key_node, ScalarNode):
                self._document.problems.append(
                    Problem(line, column, "expected a key, found a structure", path_text(path))
                )
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key in seen:
                first = self._document.key_places[here][0]
                message = f"key {key!r} stands here for the second time (first in line {first})"
                self._document.problems.append(Problem(line, column, message, path_text(path)))
                continue
            seen.add(key)
            self._document.key_places[here] = (line, column)
            yield key, self._value(value_node, here)

    def _scalar(self, node: ScalarNode, path: Path) -> Plain:
        self._refuse_tag(node, path)
        text = str(node.value)
        if node.style in ("'", '"', "|", ">"):
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if _INT.match(text) and len(text) <= 20:
            number = Number(text)
            number.written = text
            return number
        if _FLOAT.match(text) and len(text) <= 40:
            fraction = Fraction(text)
            fraction.written = text
            return fraction
        return text

    def _refuse_tag(self, node: Node, path: Path) -> None:
        """A scenario is data; a tag would ask for something else."""
        tag = str(node.tag) if node.tag is not None else ""
        if tag and not (tag.startswith("tag:yaml.org,2002:") and tag.rpartition(":")[2] in _PLAIN_TAGS):
            self._document.complain(path, f"expected plain data, found the tag {tag}")
