"""The kill matrix as it is printed."""

from __future__ import annotations

import msgspec

from harness.engine.assay.report import AssayReport, Kill, MutantReport
from harness.engine.assay.request import Hit
from harness.reporters.assay import render

REPORT = AssayReport(
    (
        MutantReport(
            "drops", "Drops it.", (2, 31), "killed", (Hit(2, "agreement", 4), Hit(31, "no_silent_charge", 1)), (),
            Kill("host_silent", 1, 0.456, "harness run DIR/drops.yaml --terminal drops --seed 1", ("host",)), 1,
        ),
        MutantReport(
            "leaks", "Leaks.", (26,), "killed", (Hit(8, "stan_unique", 1000),), (26,), Kill("no fault", 3, 12.3, "", (), True), 7
        ),
        MutantReport("lives", "Lives.", (3,), "survived", tried=40),
        MutantReport("unclear", "", (), "inconclusive", why="the reference does not pass this run either: x"),
        MutantReport("later", "", (), "not_tried", why="interrupted"),
    ),
    ((2, "agreement"), (3, "no_double_charge"), (8, "stan_unique"), (26, "memory_bounded"), (31, "no_silent_charge")),
    ("storage", "host"),
    "interrupted",
)  # fmt: skip

PRINTED = """\
assay · 5 mutants · 2 killed
FAIL          the checks do not see what they must
  because interrupted: 1 of 5 mutants were not tried to the end

findings, by invariant      2    3    8   26   31
  drops                    4*                  1*
  leaks                            >999   -*
  lives                         -*
  unclear
  later
(*: must catch it)

cheapest run that kills   seconds  scenario
  drops                      0.46  host_silent, seed 1
                                   again: harness run DIR/drops.yaml --terminal drops --seed 1
  leaks                     12.30  no fault, seed 3
                                   MISSED by invariant 26, which must catch it
                                   NOT IN THE RUN THAT IS SAID TO KILL IT (its row in harness/terminals/assays.py)
  lives                            SURVIVED: no finding in 40 runs
  unclear                          INCONCLUSIVE: the reference does not pass this run either: x
  later                            NOT TRIED: interrupted
  (--out DIR keeps the small scenarios, and says how to run each again)

only killer
    8 stan_unique               leaks
only killer of no mutant
    2 agreement                 UNEXPLAINED: it needs a mutant of its own, or a reason why it is kept
    3 no_double_charge          UNEXPLAINED: it needs a mutant of its own, or a reason why it is kept
   26 memory_bounded            UNEXPLAINED: it needs a mutant of its own, or a reason why it is kept
   31 no_silent_charge          a charge that the terminal does not know of makes the settlement differ, which 2 sees
                                too; 31 says that nobody was ever told of it

fault families without which nothing is found
  storage     no mutant needs it
  host        drops
  none        leaks
"""


def test_the_matrix_names_what_lives_what_was_missed_and_who_alone_sees_what() -> None:
    assert render(REPORT) == PRINTED


def test_of_a_choice_nothing_is_said_about_invariants_that_saw_none() -> None:
    text = render(msgspec.structs.replace(REPORT, whole=False))
    assert "only killer of no" not in text and "(of some mutants nothing follows about the other invariants)" in text
