"""Twelve symptoms as the field tells them, three each of storage, power, network and memory, each with a terminal that shows it.

What the field says is domain.md's: sections 1.7 (defects D1 to D14), 6 (what engines lose when full), 7 (the articles) and 8.
The reference shows none of them. ``runs``: within so many runs of a hunt with seed 1 it is found.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """One symptom, the shipped terminal that shows it, and what the field says."""

    family: str
    terminal: str
    symptom: str
    field: str
    runs: int = 100


TWELVE = (
    Known(
        "storage", "report_first", "screen storage_full then phase settle_while_full then settle failed",
        "存储满,请先结算; then 结算失败,请清理缓存: the settlement that would free space needs some (article 1)",
    ),
    Known(
        "storage", "file_error", "storage failed then ledger entry without receipt",
        "a write error after the approval: only 文件错误 is shown, and the money is gone (D14)",
    ),
    Known(
        "storage", "jsonfile", "storage failed ENOSPC then boot failed",
        "the document is rewritten on a full volume and cannot be read again: 304 records, then none (section 6)",
    ),
    Known(
        "power", "filequeue", "power cut then approved sale lost",
        "交易中突然断电: renamed without fsync, an approved sale is in the host's books alone (article 0, I1)",
    ),
    Known(
        "power", "boot_loop", "power cut then boot failed",
        "after a power failure the terminal no longer starts: a torn record is taken for a broken journal (I24)",
    ),
    Known(
        "power", "reverse_after_commit", "power cut then receipt without ledger entry",
        "the customer holds a slip and the shop is not paid: logged, and reversed after the restart (I7)",
    ),
    Known(
        "network", "resend_as_new", "no reply then charged twice",
        "网络中断: the answer is lost, the sale is sent again as a new one, the customer pays twice (I3)",
    ),
    Known(
        "network", "silent_charge", "no reply to 0200 then sale declined then ledger entry without receipt",
        "刷卡失败 on the screen, the money is taken all the same, and no reversal comes (I31)",
    ),
    Known(
        "network", "clear_on_timeout", "no reply to 0500 then not message 0510 delivered before settle done",
        "a settlement whose answer never came is taken for done (I11)",
    ),
    Known(
        "memory", "leak", "memory grown 128 KiB",
        "内存泄漏: each answer is kept, until the application dies in the afternoon (article 2, I26)",
    ),
    Known(
        "memory", "stan_in_ram", 'software died because "out_of_memory" then trace number reused',
        "killed for its memory, the terminal begins its trace numbers anew (I8)",
    ),
    Known(
        "memory", "log_in_ram", 'software died because "out_of_memory" then approved sale lost',
        "内存不足: killed for its memory, what was approved since the morning is forgotten (I1)",
    ),
)  # fmt: skip
