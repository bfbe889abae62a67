"""JUnit XML as Jenkins, GitLab and GitHub's actions read it: one suite a room, one test case a run.

Models: names that are unique within the file (GitLab leaves out a second one), failing cases first and whole, passing ones
counted together where there are many; an inconclusive run and a known finding are ``skipped``, with the reason: the exit code
says that they are no pass, as no server fails a job for a report. A file is at most 10 MiB, one case's text 8,000 characters.
Does not model: seconds a case; runs go on side by side, and their sum would say nothing.
Source: the schema in schemas/junit.xsd, after the one of Jenkins' xunit plugin; GitLab's limits (30 MB a file).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from harness.reporters import plain
from harness.reporters.ci import Case, CaseState, Outcome

BYTES_MOST = 10 << 20
_CASES_MOST = 5_000
"""More runs than that are counted together, by scenario and state, but for so many failing ones."""
_TEXT_MOST = plain.BLOCK_CHARACTERS
_MESSAGE_MOST = 300
_ELEMENT = {"fail": "failure", "error": "error", "inconclusive": "skipped", "known": "skipped"}


def render(outcome: Outcome) -> bytes:
    """The whole file."""
    top = Element("testsuites", name=plain.line(outcome.title, 200) or "harness")
    rooms: dict[str, list[Case]] = {}
    for case in _unique(_bounded([*outcome.cases, *_said(outcome)])):
        rooms.setdefault(case.room, []).append(case)
    totals = {"tests": 0, "failures": 0, "errors": 0}
    for room, cases in rooms.items():
        suite = SubElement(top, "testsuite", name=room)
        counts = {
            "tests": len(cases),
            "failures": sum(each.state == "fail" for each in cases),
            "errors": sum(each.state == "error" for each in cases),
            "skipped": sum(each.state in ("inconclusive", "known") for each in cases),
        }
        for name, count in counts.items():
            suite.set(name, str(count))
        for name in totals:
            totals[name] += counts[name]
        for case in cases:
            suite.append(_case(case))
    for name, count in totals.items():
        top.set(name, str(count))
    ElementTree.indent(top, " ")
    text = ElementTree.tostring(top, "unicode")
    return f"<?xml version='1.0' encoding='utf-8'?>\n{text}\n".encode()


def _case(case: Case) -> Element:
    made = Element("testcase", classname=case.room, name=case.name)
    if case.state != "pass":
        message = plain.line(case.why[0] if case.why else case.state, _MESSAGE_MOST)
        said = SubElement(made, _ELEMENT[case.state], message=message, type=case.state)
        lines = list(case.why)
        if case.again:
            lines.append(f"replay: {plain.line(case.again, 2_000)}")
        said.text = plain.block("\n".join(lines), _TEXT_MOST)
    return made


def _said(outcome: Outcome) -> Iterator[Case]:
    """The verdict itself as a case: what fails or is not proven besides single runs must be seen in the report, too."""
    why = (*outcome.because, *(f"{each.signature} {each.title}" for each in outcome.new))
    if outcome.status == "pass":
        yield Case("harness", "verdict", "pass")
    elif outcome.status == "fail":
        yield Case("harness", "verdict", "fail", why or ("a finding",))
    elif outcome.status == "error":
        yield Case("harness", "verdict", "error", why or ("the harness broke",))
    else:
        yield Case("harness", "verdict", "inconclusive", why or ("it does not prove enough to pass",))


def _bounded(cases: list[Case]) -> list[Case]:
    """At most so many cases, and so many bytes: the first ones whole, the rest by scenario and state with their number."""
    kept: list[Case] = []
    rest: dict[tuple[str, str, CaseState], int] = {}
    left = BYTES_MOST * 3 // 4
    for case in cases:
        # Five bytes for a quotation mark, four for a rare character: what it costs at the worst.
        cost = 6 * (min(_TEXT_MOST, sum(map(len, case.why))) + len(case.again) + _MESSAGE_MOST + len(case.name)) + 200
        if len(kept) < _CASES_MOST and cost <= left:
            kept.append(case)
            left -= cost
        else:
            key = case.room, case.name.partition("[")[0], case.state
            rest[key] = rest.get(key, 0) + case.count
    more = [
        Case(room, f"{name}[{count} more {state}]", state, (f"{count} more runs of this kind",), count=count)
        for (room, name, state), count in list(rest.items())[:_CASES_MOST]
    ]
    return kept + more


def _unique(cases: Iterable[Case]) -> Iterator[Case]:
    seen: dict[tuple[str, str], int] = {}
    for case in cases:
        room, name = plain.line(case.room, 100) or "harness", plain.line(case.name, 200) or "case"
        while (room, name) in seen:
            seen[room, name] += 1
            name = f"{name} ({seen[room, name]})"
        seen[room, name] = 1
        yield Case(room, name, case.state, case.why, case.again, case.count)
