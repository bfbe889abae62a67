"""A row of a gate's results, as tests make them up."""

from harness.results.model import BiteRow, FindingRow, RunRow


def row(seed: int, signature: str = "", verdict: str = "fail") -> RunRow:
    found = (FindingRow(signature, 1, "no_lost_approval", "T.. lost it.", 2, 100, "T01", 5, "T01 lost it."),)
    return RunRow(
        "power/x", seed, (), verdict, (), f"harness run power/x --seed {seed}", "", (), found if signature else (),  # type: ignore[arg-type]
        (BiteRow("cut", "power_loss", "power", 1, 1),),
    )  # fmt: skip
