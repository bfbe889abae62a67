"""Invariants that are the only killer of no shipped mutant, and why they are kept: what each says that the others do not.

Models: a statement by people, held against every whole assay: an invariant that is the only killer of nothing and has no reason
here is told as unexplained. Does not model: a proof that no defect exists which it alone would find.
"""

from __future__ import annotations

from collections.abc import Mapping

REDUNDANT: Mapping[int, str] = {
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
    25: (
        "an offline sale that the host is never told of is a lost approval (1, 2), one that it is told of twice a double charge "
        "(3); 25 says that it is the queue, and that it was not empty when the batch was settled"
    ),
    31: (
        "a charge that the terminal does not know of makes the settlement differ, which 2 sees too; 31 says that nobody was ever "
        "told of it"
    ),
}
"""By number: the reason."""

REDUNDANT_FAMILIES: Mapping[str, str] = {}
"""By family of fault without which every mutant is found: why it is kept."""
