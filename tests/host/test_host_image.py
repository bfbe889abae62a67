"""Copies of the host's memory: equal in every field, and sharing nothing that can change."""

from __future__ import annotations

from collections import Counter
from dataclasses import MISSING, fields
from typing import Any

import pytest

from harness.host.acquirer import HostImage
from harness.host.batch import Batch, Claim, Settlement
from harness.host.knobs import Knobs
from harness.host.ledger import Entry, LedgerState, Totals, Transition
from harness.host.session import Keys, Session

TOTALS = Totals(1, 100)


def an_entry() -> Entry:
    return Entry(
        3, "T01", "tid", "mid", "000002", "000042", "sale", 100, "token", "pan", "rrn", "auth", "00", "SETTLED", 1, 50, 200, 2,
        [Transition(5, "SETTLED", "batch")],
    )  # fmt: skip


def a_batch() -> Batch:
    settled = Settlement("tid", "000002", True, TOTALS, TOTALS, (3,), (), (), 9)
    claims = {"000042": Claim("000042", "pan", 100)}
    return Batch("tid", "T01", "000002", "closed", [3], {"000041": 5}, claims, TOTALS, settled, certificates={"000043"})


def things() -> list[Any]:
    """One of each; a field that is left at its default is changed before it is copied, so that one forgotten shows."""
    return [
        an_entry(),
        a_batch(),
        Session(
            "tid", "mid", "T01", b"master", "000002", Keys(b"p", b"m", b"t"), 2, True, {"000002": a_batch()}, True, True
        ),
        Knobs(
            1,
            2,
            3,
            "96",
            4,
            5,
            6,
            7,
            8,
            9,
            struck=Counter({"drop_replies": 1}),
            held=((2, b"reply"),),
            closed_codes=("58",),
        ),
        LedgerState([an_entry()], {("tid", "000002", "000042"): 3}, {"rrn": 3}, 7),
    ]


def changeable(thing: Any) -> list[object]:
    if isinstance(thing, dict):
        return [thing, *(part for each in thing.values() for part in changeable(each))]
    if isinstance(thing, list):
        return [thing, *(part for each in thing for part in changeable(each))]
    if isinstance(thing, Entry | Batch | Session | Knobs | LedgerState):
        return [thing, *(part for each in fields(thing) for part in changeable(getattr(thing, each.name)))]
    return []


@pytest.mark.parametrize("thing", things(), ids=lambda thing: type(thing).__name__)
def test_a_copy_is_equal_in_every_field_and_shares_nothing_that_changes(thing):
    for each in fields(thing):
        default = each.default_factory() if each.default_factory is not MISSING else each.default
        if getattr(thing, each.name) == default:
            assert isinstance(default, bool | int | str), f"{each.name} is not filled in above: nothing is shown of it"
            setattr(thing, each.name, not default if isinstance(default, bool) else default + type(default)("1"))
    copy = thing.copy()
    assert copy == thing
    assert not {id(each) for each in changeable(thing)} & {id(each) for each in changeable(copy)}


def test_an_image_stays_as_it_was_whatever_becomes_of_its_copy():
    _, _, session, knobs, ledger = things()
    image = HostImage({"tid": session}, ledger, {"tid": knobs})
    copy = image.copy()
    assert copy == image
    copy.sessions["tid"].start_next_batch()
    copy.ledger.entries.append(an_entry())
    copy.knobs["tid"].use("drop_replies")
    _, _, session, knobs, ledger = things()
    assert image == HostImage({"tid": session}, ledger, {"tid": knobs}) != copy
