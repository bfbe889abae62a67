"""Invariants that are the only killer of no shipped mutant, and why they are kept: what each says that the others do not.

Models: a statement by people, held against every whole assay: an invariant that is the only killer of nothing and has no reason
here is told as unexplained. Does not model: a proof that no defect exists which it alone would find.
"""

from __future__ import annotations

from collections.abc import Mapping

REDUNDANT: Mapping[int, str] = {
    1: (
        "with the terminal's own records 2 sees a lost approval too; without them (--without-inspect) 1 is what sees it, from "
        "screens, slips and settlements alone"
    ),
    4: (
        "a request that went out without its reversal does harm only when a cut follows: then the next request goes out over it "
        "(6) or under its number (8); 4 says at which instant it was missing"
    ),
    5: (
        "a reversal taken away too early leaves the next request sent in doubt (6), the doubt for ever (22), or a charge that "
        "nobody knows of (2, 31); 5 says when it was taken away"
    ),
    7: (
        "what is reversed and shown is gone from the log (1) or stays in it (2); 7 says which, and that the customer has left "
        "with the goods"
    ),
    17: (
        "a record that is neither old nor new is a lost approval (1, 2) or ends the software that reads it (24); 17 finds it "
        "also where no money hangs on it"
    ),
    19: (
        "a recovery that comes to something else the second time shows in what it comes to (2, 5, 6, 22, 31); 19 says that it is "
        "the recovery"
    ),
    22: (
        "a reversal that is never sent leaves a charge (2, 31), is sold over (5, 6) or keeps the terminal from selling (15, 24); "
        "22 says which of all requests it is"
    ),
    31: (
        "with the terminal's own records 2 sees a charge that it does not know of; without them 31 is what sees it, as nothing "
        "was ever shown"
    ),
}
"""By number: the reason."""
