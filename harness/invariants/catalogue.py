"""The list of all invariants: importing this module registers them."""

from collections.abc import Sequence
from functools import lru_cache

from harness.invariants import (  # noqa: F401 - each registers itself
    admission,
    agreement,
    batch_advances,
    card_number_protected,
    clear_needs_proof,
    completion_within_hold,
    corruption_detected,
    exclusive_fate,
    fast_at_every_fill,
    full_message,
    funds_paid_once,
    memory_bounded,
    no_double_charge,
    no_lost_approval,
    no_sensitive_data,
    no_silent_charge,
    offline_once,
    orders_end,
    record_atomicity,
    recovery_idempotent,
    returns_to_service,
    reversal_drains,
    reversal_first,
    reversal_removed,
    settlement_exactly_once,
    settlement_frees_space,
    settlement_resumes,
    sound_answers,
    stan_unique,
    totals_match_log,
    void_and_refund,
    write_ahead,
)
from harness.invariants.base import INVARIANTS, Invariant, Terms
from harness.invariants.books import Books

__all__ = ["INVARIANTS", "build"]


def build(names: Sequence[str], terms: Terms, books: Books) -> list[Invariant]:
    """Fresh checkers for one history, in order of their numbers; UsageError for a name that is not registered."""
    return [each(terms, books) for each in _classes(tuple(names))]


@lru_cache(maxsize=64)
def _classes(names: tuple[str, ...]) -> tuple[type[Invariant], ...]:
    classes = [INVARIANTS.get(name) for name in dict.fromkeys(names)]
    return tuple(sorted(classes, key=lambda each: each.number))
