"""``harness hunt`` and ``harness import`` as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import SMALL, Harness

LOST = SMALL + "faults: [{type: host_silent, at: {action: sale, occurrence: 3}}]\n"
LOG = """\
time,action,amount,result,card
2026-03-02T09:06:10,sale,1250,approved,6222020200112233445
2026-03-02T09:10:10,sale,2250,no_reply,6222020200112233446
2026-03-02T09:12:00,sale,2250,approved,6222020200112233446
2026-03-02T18:00:00,settle,,approved,
"""


def test_from_a_field_log_to_a_small_scenario_that_shows_the_symptom(place: Path, harness: Harness) -> None:
    (place / "log.csv").write_text(LOG)
    imported = harness("import", "log.csv", "-o", "field.yaml")
    assert imported.returncode == 0 and "harness run field.yaml" in imported.stdout
    assert "6222" not in (place / "field.yaml").read_text()
    hunted = harness(
        "hunt", "--symptom", "no reply then charged twice", "--terminal", "resend_as_new", "--out", "found.yaml",
        "--shrink", "15", "--runs", "1", "field.yaml",
    )  # fmt: skip
    assert hunted.returncode == 1, hunted.stderr
    assert "FOUND" in hunted.stdout and "made small" in hunted.stdout
    text = (place / "found.yaml").read_text()
    assert text.count("do: sale") <= 2 and "host_silent" in text
    again = harness("run", "found.yaml")
    assert again.returncode == 1 and "3 no_double_charge" in again.stdout


def test_not_found_proves_nothing_and_json_says_how_near(place: Path, harness: Harness) -> None:
    (place / "lost.yaml").write_text(LOST)
    hunted = harness("hunt", "--symptom", "no reply then charged twice", "--runs", "2", "--json", "lost.yaml")
    assert hunted.returncode == 2, hunted.stderr
    report = json.loads(hunted.stdout)
    assert report["state"] == "not_found" and report["best"]["reached"]["reached"] == 1
    assert report["scenario"].startswith("# It comes near (1 of 2 steps)")


def test_words_and_mistakes(harness: Harness, place: Path) -> None:
    words = harness("hunt", "--list-symptoms")
    assert words.returncode == 0 and "charged twice" in words.stdout and "ACTION OUTCOME" in words.stdout
    listed = {each["term"]: each for each in json.loads(harness("hunt", "--list-symptoms", "--json").stdout)}
    assert all(term in words.stdout and each["meaning"] in words.stdout for term, each in listed.items())
    action = next(each for term, each in listed.items() if term.startswith("ACTION OUTCOME"))
    assert listed["charged twice"]["at_rest"] and any("refused" in each for each in action["choices"].values())
    assert harness("hunt").returncode == 4
    wrong = harness("hunt", "--symptom", "sale aproved")
    assert wrong.returncode == 4 and "column 6" in wrong.stderr and "did you mean 'approved'?" in wrong.stderr
    (place / "bad.csv").write_text("time,action\n2026-03-02T09:00,sael\n")
    bad = harness("import", "bad.csv")
    assert bad.returncode == 4 and "bad.csv:2:" in bad.stderr and "did you mean 'sale'?" in bad.stderr
    assert harness("import", "nothing.csv").returncode == 4
    (place / "torn.pcap").write_bytes(b"\xa1\xb2")
    assert "torn.pcap: it is no pcap capture" in harness("import", "torn.pcap").stderr
    (place / "empty.csv").write_text("")
    assert "error: empty.csv: nothing in it" in harness("import", "empty.csv").stderr
    for mapping, why in (("", "it is empty"), ("/dev/null", "there is no file /dev/null")):
        unmapped = harness("import", "bad.csv", "--mapping", mapping)
        assert unmapped.returncode == 4 and f"error: --mapping: {why}; expected a YAML file" in unmapped.stderr
    for command in (("import", "bad.csv"), ("hunt", "--symptom", "power cut"), ("shrink", "network/reply_lost")):
        nowhere = harness(*command, "--out", "bad.csv/x.yaml")
        assert nowhere.returncode == 4 and "--out: cannot make the directory" in nowhere.stderr, nowhere.stderr
