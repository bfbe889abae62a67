"""Whether a program offers ``--inspect``: what counts is its answer for files that nothing had harmed."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.contract import Inspection
from harness.core.errors import SoftwareError
from harness.sut import interpreter, software
from harness.sut.offered import Offered
from harness.sut.software import Software

NO_FILES: dict[str, bytes] = {}
TRADED = {"/data/log": b"1\n"}
TORN = {"/data/log": b"1\n", "/data/torn": b""}


def answering(tmp_path: Path, body: str) -> Software:
    """A program whose answer to ``--inspect /`` is what ``body`` prints, and its exit status."""
    made = tmp_path / "till"
    made.write_text(f"#!/bin/sh\n{body}\n")
    made.chmod(0o755)
    (tmp_path / "till.manifest.yaml").write_text("name: till\n")
    return software.load(f"exec:{made}")


def why_not(program: Software, *healthy: dict[str, bytes]) -> str:
    """As a station decides it once an answer was no inspection."""
    offered = Offered()
    for number, image in enumerate(healthy):
        assert offered.wants(program, str(number))
        offered.keep(program, str(number), image)
        assert not offered.wants(program, str(number))
    with interpreter.installed():
        return offered.why_not(program)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('echo "unknown option $1" >&2; exit 2', "exit status 2 (unknown option --inspect)"),
        ("exit 1", "exit status 1"),
        ("exit 0", "it printed nothing"),
        ("""echo '{"id":1,"call":"next_event"}'""", """unknown key 'id'"""),
        ("""echo 'card 6222021234567890123 read'""", "it printed card 622202*********0123 read"),
        ("echo null", "it printed null"),
        ("echo '{}'; exit 3", "exit status 3 ({})"),
    ],
)
def test_what_is_no_inspection_of_healthy_files_is_no_offer(tmp_path, body, said):
    told = why_not(answering(tmp_path, body), TRADED)
    assert told.startswith("before any fault, --inspect: ") and said in told and "bring_binary" in told, told


@pytest.mark.parametrize(
    "body",
    [
        "[ -e /data/torn ] && exit 1; echo '{}'",
        "[ -e /data/torn ] && exit 1; [ -e /data/log ] || exit 1; echo '{}'",
    ],
    ids=["answers always", "answers once it has traded"],
)
def test_one_that_answers_for_healthy_files_owes_an_answer_for_all(tmp_path, body):
    program = answering(tmp_path, body)
    with interpreter.installed(), pytest.raises(SoftwareError, match="exit status 1"):
        program.inspect(TORN)
    assert why_not(program, NO_FILES, TRADED) == ""


def test_one_that_ever_answered_owes_an_answer(tmp_path):
    program = answering(tmp_path, "exit 1")
    offered = Offered()
    offered.answered(program)
    assert (
        offered.why_not(program) == "" and not software.load("harness.terminals.reference:ReferenceTerminal").is_program
    )


def test_what_a_class_in_python_raises_is_its_failure():
    reference = software.load("harness.terminals.reference:ReferenceTerminal")
    offered = Offered()
    assert not offered.wants(reference, "ready") and offered.why_not(reference) == ""


def test_an_answer_is_read_as_ever(tmp_path):
    with interpreter.installed():
        assert answering(tmp_path, """echo '{"batch":"000007"}'""").inspect({}) == Inspection(batch="000007")
