"""Twenty defects that were imagined without sight of the checks, to measure what the checks find and not what they were made for.

Each is the reference terminal with one small defect, written from the domain notes and the terminal's own code alone: nobody
looked at an invariant, a fault, a workload or a scenario first. ``README.md`` beside this file says how many were found as
first measured; that figure is never brought up to date. Any of them runs as ``harness.terminals.unseen.NAME:Class``.
"""

from __future__ import annotations

from harness.terminals.catalogue import Shipped

_PACKAGE = "harness.terminals.unseen"


def _unseen(name: str, class_name: str, summary: str) -> Shipped:
    return Shipped(name, f"{_PACKAGE}.{name}:{class_name}", summary, shares_modules=True)


_ALL = (
    _unseen(
        "hang_up_is_no", "HangUpIsNo", "Takes a line that breaks before the answer for a request that never went out."
    ),
    _unseen("refund_sent_as_new", "RefundSentAsNew", "Repeats an unanswered refund under a new trace number."),
    _unseen("hold_left_behind", "HoldLeftBehind", "Does not reverse a pre-authorisation that was not answered."),
    _unseen(
        "settle_forgotten", "SettleForgotten", "Forgets at a restart that a settlement is under way, and sells on."
    ),
    _unseen("last_part_unsent", "LastPartUnsent", "Does not upload a last record that is alone in its message."),
    _unseen("cutover_settled", "CutoverSettled", "Takes 90, day cut-over, for the end of the batch."),
    _unseen("duplicate_as_approved", "DuplicateAsApproved", "Takes 94, duplicate, for an approval."),
    _unseen("stan_wraps_to_zero", "StanWrapsToZero", "Goes from trace number 999999 to 000000."),
    _unseen(
        "batch_adopted_full", "BatchAdoptedFull", "Takes the host's batch number at sign-on while records are kept."
    ),
    _unseen("stops_at_damage", "StopsAtDamage", "Reads its log up to the first damaged record and no further."),
    _unseen("card_in_nvram", "CardInNvram", "Keeps the last card number, packed, in battery-backed memory."),
    _unseen("frame_kept", "FrameKept", "Keeps a request whose answer had a bad MAC, whole, in a file for support."),
    _unseen("limit_spares_voids", "LimitSparesVoids", "Counts only what will be settled against the batch's limit."),
    _unseen("no_paper_no_sale", "NoPaperNoSale", "Says that a sale failed when its slip cannot be printed."),
    _unseen(
        "leaks_without_line", "LeaksWithoutLine", "Does not give back the buffer of a call that did not get through."
    ),
    _unseen("keys_never_renewed", "KeysNeverRenewed", "Does not sign on again when the host asks for it."),
    _unseen("put_off_by_clock", "PutOffByClock", "Times its background work by the clock of the wall."),
    _unseen("reprints_request", "ReprintsRequest", "Reprints the last request, whatever became of it."),
    _unseen("key_repeats_sale", "KeyRepeatsSale", "A key pressed soon after a sale makes it once more."),
    _unseen(
        "support_log_grows", "SupportLogGrows", "Writes a line for support after each transaction and never trims."
    ),
)

UNSEEN: dict[str, Shipped] = {shipped.name: shipped for shipped in _ALL}
