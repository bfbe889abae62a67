"""Outputs for CI servers: whatever terminal software wrote, they stay what they are, within the limits of who reads them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import junitparser
import msgspec
import pytest
import xmlschema
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from harness.core.errors import ExitCode
from harness.engine.sweep.summary import summarise
from harness.engine.verdict import Sales, Verdict
from harness.invariants.kinds import kind_of, signature
from harness.reporters import ci, github, gitlab, junit, markdown, plain
from harness.reporters.ci import Case, CaseState, Outcome, Problem
from harness.reporters.json_schemas import PRINTED, SCHEMAS, schema_text
from harness.results.model import BiteRow, Declared, DeclaredScenario, FindingRow, Measure, RunRow

XSD = xmlschema.XMLSchema(SCHEMAS / "junit.xsd")
CARD = re.compile(r"(?<!\d)\d{13,19}(?!\d)")
NASTY = st.sampled_from(
    [
        "]]>", "</testcase>", "&#0;", "\0", "\x1b[31m", "\ud800", "\u202e", "\r\n", "\n::error::owned", "::set-output name=a::b",
        "##[error]owned", "%0A::error::x", "`", "``` \n# big", "|", "<img src=x>", "@everyone", "[a](http://b)", "a,line=9",
        "6222020200112233", "62220202\x0000112233", "\n\n- list", "\t", "{{", '"', "\\",
    ]
)  # fmt: skip
ANY = st.lists(st.one_of(st.text(st.characters(), max_size=12), NASTY), max_size=6).map("".join)
STATES: tuple[CaseState, ...] = ("pass", "fail", "known", "inconclusive", "error")
CODES = (ExitCode.PASS, ExitCode.VIOLATED, ExitCode.INCONCLUSIVE, ExitCode.HARNESS_ERROR)
PROBLEM = Problem("0a1b2c3d", 1, "no_lost_approval", "T01 lost it.", "my.py", 3, "harness run x --seed 1", 2, 5, 1_250)
CASES = st.builds(Case, ANY, ANY, st.sampled_from(STATES), st.lists(ANY, max_size=3).map(tuple), ANY)
PROBLEMS = st.builds(
    replace, st.just(PROBLEM), summary=ANY, file=ANY, again=ANY, known=st.booleans(), name=ANY, signature=ANY
)
OUTCOMES = st.builds(
    Outcome, ANY, st.sampled_from(CODES), st.lists(ANY, max_size=2).map(tuple), st.lists(ANY, max_size=2).map(tuple),
    st.lists(PROBLEMS, max_size=4).map(tuple), st.lists(CASES, max_size=6).map(tuple),
    st.lists(st.tuples(ANY, ANY), max_size=2).map(tuple), st.lists(ANY, max_size=2).map(tuple),
)  # fmt: skip


_PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
quick = settings(max_examples=60, deadline=None, phases=_PHASES)
few = settings(max_examples=25, deadline=None, phases=_PHASES)

# ---------------------------------------------------------------- text


@quick
@given(ANY)
def test_a_line_is_one_line_without_card_numbers_that_xml_and_utf_8_can_hold(text: str) -> None:
    for said in (plain.line(text), plain.block(text)):
        assert not CARD.search(said)
        parsed = ElementTree.fromstring(_with_text(said))
        assert (parsed.text or "") == said and parsed.get("a") == said
        assert json.loads(msgspec.json.encode(said)) == said
    assert "\n" not in plain.line(text) and plain.line(plain.line(text)) == plain.line(text)


def _with_text(text: str) -> bytes:
    made = ElementTree.Element("e", a=text)
    made.text = text
    return ElementTree.tostring(made, "utf-8")


def test_what_is_long_is_cut_off_after_it_was_masked() -> None:
    assert plain.line("x" * 90 + "6222020200112233", 100) == "x" * 90 + "6222 [...]"
    assert len(plain.block("y" * 9_000)) == plain.BLOCK_CHARACTERS


# ---------------------------------------------------------------- JUnit


@few
@given(OUTCOMES)
def test_junit_is_valid_whatever_software_wrote(outcome: Outcome) -> None:
    made = junit.render(outcome)
    XSD.validate(made.decode())
    assert not CARD.search(made.decode())
    read = junitparser.JUnitXml.fromstring(made)
    cases = [case for suite in read for case in suite]
    assert len({(case.classname, case.name) for case in cases}) == len(cases) == len(outcome.cases) + 1
    failed = sum(each.state == "fail" for each in outcome.cases) + (outcome.code == ExitCode.VIOLATED)
    assert read.failures == failed and read.tests == len(cases)


def test_junit_says_which_scenario_which_run_and_how_to_run_it_again() -> None:
    case = Case(
        "power", "cut[seed 3]", "fail", ("0a1b invariant 1 x: T01 <lost> it",), "harness run power/cut --seed 3"
    )
    top = ElementTree.fromstring(junit.render(Outcome("sweep", ExitCode.VIOLATED, cases=(case,))))
    (found,) = top.findall("testsuite[@name='power']/testcase")
    assert (found.get("classname"), found.get("name")) == ("power", "cut[seed 3]")
    failure = found.find("failure")
    assert failure is not None and failure.get("message") == case.why[0]
    assert failure.text == f"{case.why[0]}\nreplay: {case.again}"


ELEMENTS = {"pass": [], "fail": ["failure"], "error": ["error"], "inconclusive": ["skipped"], "known": ["skipped"]}


def test_only_what_passed_is_told_as_passed_in_cases_counts_and_the_verdict() -> None:
    cases = tuple(Case("power", f"cut of {state}", state, (f"it is {state}",)) for state in STATES)
    for code in CODES:
        outcome = Outcome("sweep", code, because=("why it is none",), cases=cases)
        top = ElementTree.fromstring(junit.render(outcome))
        told = {each.get("name"): each for each in top.iter("testcase")}
        for state in STATES:
            children = list(told[f"cut of {state}"])
            assert [each.tag for each in children] == ELEMENTS[state]
            assert all((each.get("type"), each.get("message")) == (state, f"it is {state}") for each in children)
        verdict = list(told["verdict"])
        assert [each.tag for each in verdict] == ELEMENTS[outcome.status]
        assert all("why it is none" in (each.text or "") for each in verdict)
        (power,) = top.findall("testsuite[@name='power']")
        assert [power.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["5", "1", "1", "2"]


def test_two_runs_of_one_name_are_two_test_cases() -> None:
    same = Case("power", "cut[seed 3]", "pass")
    made = junit.render(Outcome("sweep", ExitCode.PASS, cases=(same, same, replace(same, name="cut[seed 3]\0"))))
    XSD.validate(made.decode())
    names = [each.get("name") for each in ElementTree.fromstring(made).iter("testcase")]
    assert names == ["cut[seed 3]", "cut[seed 3] (2)", "cut[seed 3] (3)", "verdict"]


def test_a_hundred_thousand_runs_are_a_file_that_gitlab_takes_with_the_failing_ones_in_it() -> None:
    long = "\U0001f600" * 9_000
    failing = [Case("power", f"cut[seed {seed}]", "fail", (long,)) for seed in range(300)]
    passing = [Case("power", f"cut[seed {seed}]", "pass") for seed in range(300, 100_000)]
    made = junit.render(Outcome("sweep", ExitCode.VIOLATED, cases=(*failing, *passing)))
    assert len(made) <= junit.BYTES_MOST
    XSD.validate(made.decode())
    top = ElementTree.fromstring(made)
    assert top.find("testsuite/testcase/failure") is not None
    told = [each.get("name") or "" for each in top.iter("testcase")]
    shown = sum(name.startswith("cut[seed ") for name in told)
    more = sum(int(found[1]) for name in told if (found := re.match(r"cut\[(\d+) more ", name)))
    assert shown + more == 100_000


# ---------------------------------------------------------------- GitHub


def heard(text: str) -> list[tuple[str, dict[str, str], str]]:
    """What GitHub's runner takes from a log, as actions/runner does it: both syntaxes, and the token that switches them off."""
    found, stopped = [], ""
    for line in text.split("\n"):
        new = re.match(r"\s*::([\w-]+)(?: ([^:]*(?::(?!:)[^:]*)*))?::(.*)$", line, re.DOTALL)
        old = re.search(r"##\[([\w-]+) ?([^\]]*)\](.*)$", line, re.DOTALL)
        match = new or old
        if stopped:
            if line.strip() == f"::{stopped}::":
                stopped = ""
        elif match:
            name, given_, data = match[1], match[2] or "", match[3]
            if name == "stop-commands":
                stopped = data
                continue
            pairs = [each.partition("=") for each in given_.split(",") if each]
            found.append((name, {key: _unescaped(value, True) for key, _, value in pairs}, _unescaped(data, False)))
    return found


def _unescaped(text: str, is_property: bool) -> str:
    for escaped, character in (("%3A", ":"), ("%2C", ",")) if is_property else ():
        text = text.replace(escaped, character)
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


@quick
@given(ANY, ANY)
def test_an_annotation_says_what_it_was_given_and_nothing_else_is_heard(message: str, title: str) -> None:
    made = github.command("error", message, title=f"t {title}", file="a:b,c.py", line=4)
    ((name, properties, data),) = heard(made)
    assert (name, data) == ("error", plain.block(message))
    assert properties == {"file": "a:b,c.py", "line": "4", "title": plain.line(f"t {title}", 200)}


@few
@given(OUTCOMES)
def test_there_are_no_other_annotations_than_ours_and_at_most_ten_of_a_kind(outcome: Outcome) -> None:
    made = github.commands(replace(outcome, problems=outcome.problems * 6))
    told = heard(made)
    assert len(told) == made.count("\n") == len(made.split("\n")) - 1
    kinds = [name for name, _, _ in told]
    assert set(kinds) <= {"error", "warning", "notice"} and max(map(kinds.count, kinds), default=0) <= 10
    assert not CARD.search(made)


def test_what_is_new_is_an_error_what_is_known_a_warning_and_why_nothing_is_proven_is_said() -> None:
    both = (PROBLEM, replace(PROBLEM, signature="ffffffff", known=True))
    for code, more in (
        (ExitCode.VIOLATED, []), (ExitCode.HARNESS_ERROR, ["error"]), (ExitCode.INCONCLUSIVE, ["warning"]),
    ):  # fmt: skip
        told = heard(github.commands(Outcome("sweep", code, because=("why it is none",), problems=both)))
        because = [name for name, _, data in told if data == "why it is none"]
        assert because == more
        kinds = {properties["title"]: name for name, properties, _ in told if "[" in properties["title"]}
        assert kinds == {
            "invariant 1 no_lost_approval [0a1b2c3d]": "error",
            "invariant 1 no_lost_approval (known) [ffffffff]": "warning",
        }


def test_the_tenth_annotation_counts_the_rest() -> None:
    many = tuple(replace(PROBLEM, signature=f"{number:08x}") for number in range(25))
    told = heard(github.commands(Outcome("sweep", ExitCode.VIOLATED, problems=many)))
    assert len(told) == 10 and told[-1][2] == "and 16 more; the job's summary has them"
    assert told[0][1] == {"file": "my.py", "line": "3", "title": "invariant 1 no_lost_approval [00000000]"}


@quick
@given(ANY)
def test_nothing_in_a_report_is_heard_as_a_command_and_what_follows_it_is(text: str) -> None:
    assert heard("::error::before\n" + github.guarded(f"x\n{text}") + "::error::after\n") == [
        ("error", {}, "before"),
        ("error", {}, "after"),
    ]


# ---------------------------------------------------------------- Markdown, GitLab


@few
@given(OUTCOMES)
def test_in_markdown_what_software_wrote_stands_in_code_spans_alone(outcome: Outcome) -> None:
    made = markdown.render(outcome)
    outside = re.sub(r"`[^`\n]+`", "", made)
    assert "`" not in outside and not CARD.search(made)
    # What is left is ours: words, figures and marks of lists, headings and tables.
    assert re.fullmatch(r"[\w\s#*:,.()|✅❌⚠️💥-]*", outside), outside
    assert all(line.startswith(("#", "-", "  -", "|")) for line in made.splitlines() if line)


@pytest.mark.parametrize("most", [0, 40, 500, 100_000])
def test_markdown_keeps_to_its_limit(most: int) -> None:
    many = Outcome("sweep", ExitCode.VIOLATED, problems=(PROBLEM,) * 5_000)
    made = markdown.render(many, most)
    assert len(made.encode()) <= most and (most < 100 or made.endswith("(cut off: it would be too long)\n"))
    assert len(github.summary(many, 1 << 19).encode()) + (1 << 19) <= 1 << 20
    assert github.summary(many, 2 << 20) == ""


GITLAB = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "required": ["path", "lines"],
                "properties": {"lines": {"required": ["begin"], "properties": {"begin": {"type": "integer", "minimum": 1}}}},
            },
        },
    },
}  # fmt: skip


@few
@given(OUTCOMES)
def test_gitlabs_report_is_json_of_its_format(outcome: Outcome) -> None:
    made = json.loads(gitlab.render(outcome))
    jsonschema.validate(made, GITLAB)
    for entry, each in zip(made, outcome.problems, strict=True):
        assert entry["severity"] == ("minor" if each.known else "critical")
    assert len(made) == len(outcome.problems) and not CARD.search(gitlab.render(outcome).decode())


# ---------------------------------------------------------------- from what was run

DECLARED = Declared((DeclaredScenario("power/cut_in_flight", "ab"),), 4, "reference")


def run_of(seed: int, summary: str = "", verdict: str = "pass") -> RunRow:
    kind = kind_of(summary)
    findings = (
        (FindingRow(signature(1, kind), 1, "no_lost_approval", kind, 2, 500, "T01", 7, summary),) if summary else ()
    )
    because = ("fault 'cut' never struck",) if verdict == "inconclusive" else ()
    return RunRow(
        "power/cut_in_flight", seed, ("host",), verdict, because, f"harness run power/cut_in_flight --seed {seed}", "ab" * 32,  # type: ignore[arg-type]
        (Measure("sale_s_p95", 2.5 + seed),), findings, (BiteRow("cut", "power_loss", "power", 1, seed),),
    )  # fmt: skip


RUNS = [
    run_of(1),
    run_of(2, "T01 lost 12.00 yuan at day 1 09:00:00", "fail"),
    run_of(3, "T02 lost 99.10 yuan at day 2 10:00:00", "fail"),
    run_of(4, verdict="inconclusive"),
]


def test_a_sweep_is_told_by_run_and_by_signature_and_the_same_finding_has_the_same_fingerprint() -> None:
    outcome = ci.outcome_of_sweep(summarise(DECLARED, RUNS, ()), RUNS)
    assert outcome.code == ExitCode.VIOLATED
    assert [(case.name, case.state) for case in outcome.cases] == [
        ("cut_in_flight[seed 2]", "fail"), ("cut_in_flight[seed 3]", "fail"), ("cut_in_flight[seed 4]", "inconclusive"),
        ("cut_in_flight[seed 1]", "pass"),
    ]  # fmt: skip
    assert {case.room for case in outcome.cases} == {"power"}
    (entry,) = json.loads(gitlab.render(outcome))
    other = [run_of(9, "T07 lost 1.00 yuan at day 3 11:11:11", "fail")]
    (later,) = json.loads(gitlab.render(ci.outcome_of_sweep(summarise(DECLARED, other, ()), other)))
    assert entry["fingerprint"] == later["fingerprint"] == outcome.problems[0].signature
    assert "2 of 3 random runs failed" in outcome.said[0]


def test_a_run_is_known_where_all_its_findings_are() -> None:
    one, other = run_of(2, "T01 lost 12.00 yuan", "fail"), run_of(3, "T01 lost its log", "fail")
    both = replace(one, seed=4, findings=(*one.findings, *other.findings))
    none = replace(one, seed=5, findings=())
    known = frozenset({one.findings[0].signature})
    states = {case.name: case.state for case in ci.cases_of([one, other, both, none], known)}
    assert list(states.values()) == ["fail", "fail", "fail", "known"]
    assert states["cut_in_flight[seed 2]"] == "known"


def test_a_sweep_that_shows_nothing_says_why() -> None:
    declared = Declared((DeclaredScenario("power/cut_in_flight", "ab"),), 9, "reference")
    idle = replace(run_of(1), bites=(BiteRow("cut", "power_loss", "power", 1, 0),))
    outcome = ci.outcome_of_sweep(summarise(declared, [idle, RUNS[3]], ()), [idle, RUNS[3]])
    assert outcome.code == ExitCode.INCONCLUSIVE
    for why in ("fault 'cut' never struck", "(canary) was not found", "7 of 9 declared runs are not finished"):
        assert any(why in each for each in outcome.because), why


def test_a_finding_is_shown_at_the_line_that_it_names_if_that_is_a_file_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "work"
    (here / "src").mkdir(parents=True)
    (here / "src" / "mine.py").write_text("x = 1\n")
    (tmp_path / "secret.py").write_text("x = 1\n")
    monkeypatch.chdir(here)
    spec = f"{here}/src/mine.py:Mine"
    assert ci.place_of("it died (mine.py:12)", spec, "power/cut_in_flight") == ("src/mine.py", 12)
    assert ci.place_of("it died (src/mine.py:3)", "reference", "x") == ("src/mine.py", 3)
    assert ci.place_of("it died (../secret.py:3)", spec, "x") == ("src/mine.py", 1)
    assert ci.place_of("nothing named", "reference", "power/cut_in_flight") == ("scenarios/power/cut_in_flight.yaml", 1)
    assert ci.place_of(f"{tmp_path}/secret.py:1", "reference", "/etc/passwd") == ("scenarios/etc/passwd.yaml", 1)


# ---------------------------------------------------------------- schemas


@pytest.mark.parametrize("name", list(PRINTED))
def test_the_published_schema_is_what_is_printed(name: str) -> None:
    told = "run .venv/bin/python -m harness.reporters.json_schemas"
    assert (SCHEMAS / f"{name}.schema.json").read_text("utf-8") == schema_text(name), told


def test_what_is_printed_is_valid_by_its_schema_and_what_is_not_is_not() -> None:
    verdict = Verdict("pass", "small", "reference", 1, 1, 1, (), (), (), (), (), Sales(1, 1, 1), 5, "ab")
    for name, value in (("run", RUNS[1]), ("sweep", summarise(DECLARED, RUNS, ())), ("verdict", verdict)):
        schema = json.loads(schema_text(name))
        printed = json.loads(msgspec.json.encode(value))
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(printed, schema)
        key = next(iter(schema["$defs"][schema["$ref"].rpartition("/")[2]]["required"]))
        del printed[key]
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(printed, schema)
