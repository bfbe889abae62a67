"""The terminals that ship with the harness, by name. Nothing is imported here: listing them costs nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Shipped:
    """One shipped terminal. ``caught_by``: for a mutant, the invariants that must catch it (numbers of the domain's list);
    the smallest scenario in which they do is its row in ``assays``.

    ``at_crash_points``: its defect shows when every state of every instant is tried (``harness crashpoints``), not in a day.
    ``shares_modules``: it keeps nothing in module globals or class attributes (a test shows it), so all boots share its modules.
    """

    name: str
    spec: str
    summary: str
    caught_by: tuple[int, ...] = ()
    at_crash_points: bool = False
    shares_modules: bool = False


_PACKAGE = "harness.terminals"


def _mutant(name: str, class_name: str, summary: str, *caught_by: int) -> Shipped:
    return Shipped(name, f"{_PACKAGE}.mutants.{name}:{class_name}", summary, caught_by, shares_modules=True)


def _variant(name: str, class_name: str, summary: str) -> Shipped:
    return Shipped(name, f"{_PACKAGE}.variants.{name}:{class_name}", summary, shares_modules=True)


def _cut_mutant(name: str, class_name: str, summary: str, *caught_by: int) -> Shipped:
    return replace(_mutant(name, class_name, summary, *caught_by), at_crash_points=True)


_ALL = (
    Shipped(
        "reference",
        f"{_PACKAGE}.reference:ReferenceTerminal",
        "Correct by the rules R1-R14; journal with CRCs in two fixed files.",
        shares_modules=True,
    ),
    Shipped(
        "reference_international",
        f"{_PACKAGE}.reference.international:InternationalReference",
        "The same, speaking the international dialect: 0500, 95, upload, 0500.",
        shares_modules=True,
    ),
    Shipped(
        "reference_v1",
        f"{_PACKAGE}.reference_v1:ReferenceV1",
        "The release before the reference: the same rules, an older format of records.",
        shares_modules=True,
    ),
    Shipped(
        "tinydb",
        f"{_PACKAGE}.tinydb_terminal:TinyDbTerminal",
        "Keeps its log and settings in an unmodified TinyDB file.",
    ),
    Shipped(
        "filequeue",
        f"{_PACKAGE}.filequeue_terminal:FileQueueTerminal",
        "Keeps its log and reversals in persist-queue's file queues.",
    ),
    Shipped(
        "jsonfile",
        f"{_PACKAGE}.jsonfile_terminal:JsonFileTerminal",
        "Rewrites one JSON file in place after every transaction.",
    ),
    _mutant("no_fsync", "NoFsync", "Shows approved before the journal is durable: it never calls fsync.", 1),
    _mutant("reversal_dropped", "ReversalDropped", "Drops the reversal when its first try is not answered.", 2, 31),
    _mutant("resend_as_new", "ResendAsNew", "After a timeout sends the sale again under a new trace number.", 3),
    _mutant("reverse_after_commit", "ReverseAfterCommit", "After a restart reverses a sale that is logged.", 7, 2),
    _mutant("stan_in_ram", "StanInRam", "Keeps the trace number in RAM: after a restart numbers are used again.", 8),
    _mutant(
        "stan_by_size",
        "StanBySize",
        "Takes the greatest trace number in its log for the last: after 999999 a restart begins anew.",
        8,
    ),
    _mutant("clear_unbalanced", "ClearUnbalanced", "Clears the log when the host says that totals differ.", 11),
    _mutant("clear_on_timeout", "ClearOnTimeout", "Takes a settlement without an answer for a settlement.", 11),
    _mutant("settle_twice", "SettleTwice", "After a lost settlement answer settles again under the next number.", 12),
    _mutant("report_first", "ReportFirst", "Settlement first writes a report file, which a full volume refuses.", 15),
    _mutant("torn_parsed", "TornParsed", "Does not check a record's CRC: a torn record is read as it is.", 17, 24),
    _mutant("never_resent", "NeverResent", "A pending reversal is kept, and never sent.", 22),
    _mutant("boot_loop", "BootLoop", "Refuses to start when the journal's tail is torn.", 24),
    _mutant("leak", "Leak", "Keeps every answer it ever got in a list.", 26),
    _mutant("reversal_after_send", "ReversalAfterSend", "Saves the reversal after the request has gone out.", 4),
    _mutant("reversal_in_ram", "ReversalInRam", "Keeps the reversal of a sale under way in a variable.", 4),
    _mutant("cleared_on_arrival", "ClearedOnArrival", "Removes the reversal before the approval is written.", 5),
    _mutant("reversal_given_up", "ReversalGivenUp", "Deletes the reversal after three tries and sells on.", 5, 6),
    _mutant("any_answer_clears", "AnyAnswerClears", "Takes any answer to a reversal for the end of it.", 5),
    _mutant("cleared_by_menu", "ClearedByMenu", "Clears the pending reversal with the cache.", 5),
    _mutant("sells_in_doubt", "SellsInDoubt", "Puts a reversal off and sells on meanwhile.", 6),
    _mutant("settles_in_doubt", "SettlesInDoubt", "Settles with a reversal pending.", 6),
    _mutant("mac_unchecked", "MacUnchecked", "Believes an approval whatever its MAC.", 9),
    _mutant("any_reply_taken", "AnyReplyTaken", "Takes the first answer on the line, whoever it is for.", 9),
    _mutant("late_reply_taken", "LateReplyTaken", "Takes the late answer to a sale that it is reversing.", 9, 7),
    _mutant("batch_twice", "BatchTwice", "Counts the batch twice when a cut comes between number and flag.", 16),
    _mutant("batch_stays", "BatchStays", "Clears the log and goes on under the old batch number.", 16),
    _mutant("signs_off_unsettled", "SignsOffUnsettled", "Signs off over a log that is not settled.", 16),
    _mutant("void_again", "VoidAgain", "Voids a sale that has been voided.", 20),
    _mutant("void_in_part", "VoidInPart", "Voids the whole yuan of a sale and not its fen.", 20),
    _mutant("void_settled", "VoidSettled", "Voids a sale that has been settled.", 20),
    _mutant("void_drops_sale", "VoidDropsSale", "Takes a sale out of the totals when its void times out.", 20, 2),
    _mutant("refund_with_fee", "RefundWithFee", "Gives more back than was keyed.", 20),
    _mutant("refund_unlimited", "RefundUnlimited", "Gives a sale back as often as it is asked.", 20),
    _cut_mutant(
        "no_directory_fsync", "NoDirectoryFsync", "Syncs its files and never the directory that names them.", 1
    ),
    _cut_mutant(
        "rename_without_fsync", "RenameWithoutFsync", "Renames a new log over the old one and syncs neither.", 1
    ),
    _cut_mutant("rewritten_in_place", "RewrittenInPlace", "Rewrites the whole log in place with each record.", 1),
    replace(
        _mutant("log_in_ram", "LogInRam", "Keeps approvals in a module global, written only at settlement.", 1, 2),
        shares_modules=False,
    ),
    _mutant("reports_to_b", "ReportsToB", "Settlement first writes its slips to a second volume, which is full.", 15),
    _mutant("purged_by_age", "PurgedByAge", "Purges records older than a month at start, settled or not.", 1),
    _mutant(
        "resets_after_deaths",
        "ResetsAfterDeaths",
        "Goes back to factory settings when it has died five times since it was settled.",
        1,
        2,
    ),
    _mutant("silent_charge", "SilentCharge", "After a timeout says failed and forgets that it asked.", 31, 2),
    _mutant("completes_twice", "CompletesTwice", "Completes a pre-authorisation as often as its slip is keyed in.", 21),
    _mutant("completes_above", "CompletesAbove", "Completes above 115 % of what was held.", 21),
    _mutant("completes_voided", "CompletesVoided", "Completes a pre-authorisation that was voided.", 21),
    _mutant("hold_as_sale", "HoldAsSale", "Sends a pre-authorisation as a sale: what should be held is taken.", 3),
    _mutant("partial_as_whole", "PartialAsWhole", "Takes a sale approved in part for one approved whole.", 1, 2),
    _mutant(
        "partial_declined", "PartialDeclined", "Shows a sale approved in part as declined, without reversal.", 31, 2
    ),
    _mutant("holds_settled", "HoldsSettled", "Counts and uploads pre-authorisations in the settlement.", 2),
    _mutant("track_kept", "TrackKept", "The record written ahead of a sale keeps track 2.", 28),
    _mutant("track_in_spool", "TrackInSpool", "Spools track 2 to a file and deletes it without wiping it.", 28),
    _mutant("pin_in_reversal", "PinInReversal", "The reversal record keeps the PIN block.", 28),
    _mutant("card_in_log", "CardInLog", "Writes whole card numbers to a log file for support.", 29),
    _mutant("card_on_slip", "CardOnSlip", "Prints the whole card number, in groups of four.", 29),
    _mutant("crash_dump", "CrashDump", "Prints the card to the console when no answer came.", 28, 29),
    _mutant("blind_admission", "BlindAdmission", "Asks for money without making sure of room for the record.", 13),
    _mutant("over_limit_warns", "OverLimitWarns", "A full batch is only warned of, and the sale goes on.", 13, 14),
    _mutant("units_mixed_up", "UnitsMixedUp", "Compares free kilobytes with bytes: full with megabytes free.", 14),
    _mutant(
        "totals_apart", "TotalsApart", "Keeps the batch totals in a file of their own, written after the record.", 10
    ),
    _mutant("crc_unchecked", "CrcUnchecked", "Believes every record that can be read, whatever its CRC says.", 18),
    _mutant("begins_anew", "BeginsAnew", "Begins with an empty log where one record is damaged, and says so.", 1),
    _mutant("damage_unsaid", "DamageUnsaid", "Leaves damaged records out and tells nobody.", 18),
    _mutant("searches_the_log", "SearchesTheLog", "Goes through all records of the batch before each sale.", 27),
    _mutant("counted_again", "CountedAgain", "Counts an approval twice that a restart finds and shows.", 10),
    _mutant("second_95", "SecondNinetyFive", "Takes a second 95, after the upload, for a settled batch.", 11),
    _mutant("order_assumed_paid", "OrderAssumedPaid", "Takes an order without an answer for paid.", 30, 1),
    _mutant("order_number_reused", "OrderNumberReused", "Counts order numbers in RAM: used again after a restart.", 30),
    _mutant("order_forgotten", "OrderForgotten", "Throws an open order away at the next start.", 30, 31),
    _mutant("order_never_revoked", "OrderNeverRevoked", "Says not paid, and leaves the order open.", 30, 31),
    _mutant(
        "orders_sent_again", "OrdersSentAgain", "Forwards a queue of orders anew whenever the line is back.", 30, 3
    ),
    _cut_mutant(
        "order_after_send", "OrderAfterSend", "Writes an order's record when the request has gone out.", 30, 31
    ),
    _mutant("sells_while_settling", "SellsWhileSettling", "Sells in a batch whose settlement is half done.", 23),
    _mutant("hashed_cards", "HashedCards", "Keeps a plain hash of the card beside its masked number.", 29),
    _mutant("paper_blocks", "PaperBlocks", "A settlement whose slip cannot be printed does not clear the log.", 24),
    _mutant("forced_success", "ForcedSuccess", "A failed batch upload is shown, and counts as done.", 11),
    _mutant("host_closes", "HostCloses", "Leaves closing the batch to a host that leaves it to the terminal.", 11),
    _mutant("one_record_blocks", "OneRecordBlocks", "One damaged record ends every settlement.", 15),
    _mutant(
        "file_error", "FileError", "An approval that cannot be written is shown as a file error, and stays.", 31, 2
    ),
    _mutant("shown_first", "ShownFirst", "Shows approved before the record is written.", 7),
    _mutant("duplicate_approved", "DuplicateApproved", "Takes 94, a number used before, for an approval.", 9),
    _mutant("capped_log", "CappedLog", "Drops the record of every sale beyond 40 in a batch.", 1, 2),
    _mutant("slip_counts_voids", "SlipCountsVoids", "Counts voided sales on the settlement slip alone.", 12),
    _mutant("full_cried", "FullCried", "Says that its storage is full at every tenth sale, and sells on.", 14),
    _mutant("tenth_shown", "TenthShown", "Shows a tenth of the amount that it has taken.", 9),
    _mutant("refusal_hidden", "RefusalHidden", "Says that an account is set which the acquirer refused.", 30),
    _mutant("cycle_left_as_is", "CycleLeftAsIs", "Shows the cycle that was chosen and sends another.", 30),
    _mutant("paid_by_calendar", "PaidByCalendar", "Shows money as paid once it should have come.", 30),
    _mutant("payout_of_another_batch", "PayoutOfAnotherBatch", "Shows one batch's payout as another's.", 30),
    _mutant("bounce_as_pending", "BounceAsPending", "Says of a payout that came back that it is expected.", 30),
    _variant(
        "keeps_log", "KeepsLog", "The reference with an event log that support can have printed, cards truncated."
    ),
    _mutant("log_deciphered", "LogDeciphered", "Prints its event log with the card numbers deciphered.", 29),
    _variant("duplicate_guard", "DuplicateGuard", "The reference with a guard against the same card and amount twice."),
    _mutant("guard_by_track", "GuardByTrack", "Its guard against double charges compares what never repeats.", 3),
    _variant("tiered", "Tiered", "The reference, with older records of the batch moved to the second volume."),
    _variant("compressing", "Compressing", "The reference, with older records of the batch compressed."),
    _variant("warns_early", "WarnsEarly", "The reference with alarms: store nearly full, line slow."),
    _variant("signatures", "Signatures", "The reference with an electronic signature kept for each sale."),
    _mutant("moved_too_soon", "MovedTooSoon", "Moves records out of the journal before the archive has them.", 1, 2),
    _mutant("packed_in_place", "PackedInPlace", "Compresses its archive anew over the old one.", 1),
    _mutant("clears_too_much", "ClearsTooMuch", "The service menu's clear reversal ends a pending settlement too.", 11),
    _mutant(
        "migration_drops_doubt",
        "MigrationDropsDoubt",
        "An update leaves the reversal behind that is still to send.",
        5,
        2,
        31,
    ),
    _cut_mutant("migrated_in_place", "MigratedInPlace", "Writes migrated records over those that it reads.", 1),
    _mutant("update_formats", "UpdateFormats", "An update starts on empty files, settled or not.", 1),
    _mutant("version_ignored", "VersionIgnored", "Reads an older release's records as if they were its own.", 1, 2),
    _mutant("doubt_expires", "DoubtExpires", "Strikes a reversal off that an earlier start has brought over.", 19, 5),
    _mutant("leftover_taken", "LeftoverTaken", "Takes a temporary file found at start for an unfinished rewrite.", 1),
    _mutant("downgrade_overwrites", "DowngradeOverwrites", "A downgrade begins anew over newer records.", 1),
    _mutant("offline_dropped", "OfflineDropped", "Tells the host of an offline sale once, heard or not.", 25, 1),
    _mutant("offline_as_new", "OfflineAsNew", "Tells of an offline sale again under a fresh trace number.", 25, 3),
    _mutant("offline_left_behind", "OfflineLeftBehind", "Settles before the host knows of all offline sales.", 25),
    _mutant("offline_in_ram", "OfflineInRam", "Knows only in memory which offline sales are still to be told.", 25, 1),
    _mutant("card_overruled", "CardOverruled", "Takes the host's approval when the card refuses or is gone.", 9),
    _mutant("no_certificates", "NoCertificates", "Uploads no chip's certificate when the totals agree.", 11),
    _mutant("upload_restarts", "UploadRestarts", "Begins an interrupted upload again with the first record.", 23),
    _mutant(
        "settlement_forgotten", "SettlementForgotten", "Forgets over a restart that it was settling, and sells.", 23
    ),
)

CATALOGUE: dict[str, Shipped] = {shipped.name: shipped for shipped in _ALL}
