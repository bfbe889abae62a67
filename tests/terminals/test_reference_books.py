"""The reference terminal's books: what the fold of damaged records must not make of a request that is long over."""

import pytest

from harness.terminals.reference.books import Books
from harness.terminals.reference.records import Base, Kind, Transaction, join


def sale(stan: str) -> bytes:
    return Transaction(
        "sale", "000001", stan, 1_000, "0307", "103344", "621799******7086", "00" * 8, "021", "", "", "", "", ""
    ).pack()


@pytest.mark.parametrize(
    ("after", "is_pending"),
    [
        ([], True),
        ([(Kind.APPROVED, sale("000002"))], False),
        ([(Kind.CLEARED, join("000002", "51"))], False),
        ([(Kind.CLEARED, join("999999", "51"))], True),
    ],
)
def test_a_request_older_than_one_that_has_ended_is_not_in_doubt(
    after: list[tuple[Kind, bytes]], is_pending: bool
) -> None:
    """Nothing is sent while another is in doubt: its end was in a record that is lost, and may have been an approval."""
    books = Books(Base("000001", 0, 1, 0, True))
    books.apply(Kind.REQUEST, sale("000001"), 0)
    for kind, payload in after:
        books.apply(kind, payload, 512)
    assert (books.pending is not None) is is_pending
