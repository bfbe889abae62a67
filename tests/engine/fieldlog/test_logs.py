"""CSV and JSON lines: how they are written, what they prove, and what is said of those that cannot be read."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.engine.fieldlog.infer import script_of
from harness.engine.fieldlog.mapping import read_mapping
from harness.engine.fieldlog.model import RESULTS, WHATS, LogError, Record
from harness.engine.fieldlog.rows import records
from harness.engine.fieldlog.tables import LINE_BYTES_MAX
from harness.engine.fieldlog.write import scenario_of
from harness.scenario.load import load_text
from harness.scenario.problems import ScenarioErrors
from tests.engine.small_runs import found, run, told

KINDS = [what for what in WHATS if what != "ignore"]
ENDS = [("", ""), *((each, "") for each in RESULTS), ("declined", "51"), ("declined", "12"), ("failed", "96")]
HEADER = "time,terminal,action,amount,result,card"
PAN = "6222020200112233445"
CHINESE = """\
time: {column: [日期, 时间], format: "%Y-%m-%d %H:%M:%S"}
terminal: {column: 终端}
action: {column: 类型, words: {心跳: ignore}}
amount: {column: 金额, unit: yuan}
result: {column: 结果}
card: {column: 卡号}
"""


def read(tmp_path: Path, data: str | bytes, mapping: str = "", name: str = "log.csv") -> list[Record]:
    log = tmp_path / name
    log.write_bytes(data if isinstance(data, bytes) else data.encode())
    if not mapping:
        return records(log, read_mapping(None))
    file = tmp_path / "map.yaml"
    file.write_text(mapping, encoding="utf-8")
    return records(log, read_mapping(file))


def lines(*rows: str) -> str:
    """Rows of 2 March at terminal 1, as ``09:00,sale,1250,approved,card``."""
    out = [HEADER]
    for row in rows:
        time, rest = row.split(",", 1)
        out.append(f"2026-03-02T{time}:00,1,{rest}")
    return "\n".join(out)


def kinds(tmp_path: Path, *rows: str) -> list[tuple[str, str]]:
    """Faults that the rows prove, each with the reason in the file."""
    script = script_of(read(tmp_path, lines(*rows)))
    return [(str(each.values["type"]), each.why) for each in script.faults]


# ---------------------------------------------------------------- reading


def test_a_chinese_log_in_gbk_with_mixed_line_ends(tmp_path: Path) -> None:
    rows = [
        "日期,时间,终端,类型,金额,结果,卡号",
        f'2026-03-02,09:06:10,30000001,消费,"1,212.50",成功,{PAN}',
        "2026-03-02,09:07:00,30000001,心跳,,,",
        "2026-03-02,18:00:00,30000001,结算,,超时,",
    ]
    data = (rows[0] + "\r\n" + rows[1] + "\n" + rows[2] + "\r" + rows[3]).encode("gb18030")
    read_records = read(tmp_path, data, CHINESE + "encoding: gb18030\n")
    assert [(each.line, each.what, each.amount_fen, each.result) for each in read_records] == [
        (2, "sale", 121250, "approved"), (4, "settle", None, "no_reply"),
    ]  # fmt: skip
    with pytest.raises(LogError, match="encoding: gb18030") as told:
        read(tmp_path, data, CHINESE)
    assert told.value.line == 1


def test_json_lines_with_seconds_since_1970_and_numbers(tmp_path: Path) -> None:
    rows = (
        '{"t": 1772413570.25, "op": "PURCHASE", "fen": 1250, "rc": "00"}\n\n'
        '{"t": 1772413600, "op": "settlement", "rc": "98"}\n'
    )
    mapping = "time: {column: t, format: epoch}\naction: {column: op}\namount: {column: fen}\nresult: {column: rc}\n"
    first, second = read(tmp_path, rows, mapping, "log.jsonl")
    assert (first.what, first.amount_fen, first.result, second.result, second.code) == (
        "sale",
        1250,
        "approved",
        "declined",
        "98",
    )
    # 2026-03-02 01:06:10.25 UTC is 09:06:10.25 in Shanghai.
    assert first.at_us % 86_400_000_000 == (9 * 3600 + 6 * 60 + 10) * 1_000_000 + 250_000


@pytest.mark.parametrize(
    "data, line, message",
    [
        (f"{HEADER}\n2026-03-02T09:00,1,sale,1250,approvd,", 2, "did you mean 'approved'"),
        (f"{HEADER}\n2026-03-02T09:00,1,sael,1250,,", 2, "did you mean 'sale'"),
        (f"{HEADER}\n2026-03-02T09:00,1,{PAN},1250,,", 2, r"'622202\*+3445'"),
        (f"{HEADER}\n09:00,1,sale,1250,,", 2, "no time of the form 'iso'"),
        (f"{HEADER}\n2026-03-02T09:00,1,sale,12.5,,", 2, "whole fen"),
        (f"{HEADER}\n2026-03-02T09:00,1,sale,NaN,,", 2, "whole fen"),
        (f"{HEADER}\n2026-03-02T09:00,1,sale,1250,,,,", 2, "expected 6 cells"),
        (f'{HEADER}\n2026-03-02T09:00,1,"sale,1250,,', 2, "no CSV"),
        ("when,terminal,what\n", 1, "no column 'time'"),
        (f"{HEADER}\n2026-03-02T09:05,1,sale,1,,\n2026-03-02T09:04,2,sale,1,,\n2026-03-02T09:03,1,sale,1,,", 4, "that of line 2"),
        (HEADER.encode() + b"\n2026-03-02T09:00,1,\xff\xfe,1,,", 2, "byte 20 of the line is no utf-8 text"),
        (HEADER + "\n" + "x" * (LINE_BYTES_MAX + 10), 2, "longer than 64 KiB"),
        (f"{HEADER}\n2026-03-02T09:00,1,sa\0le,1,,", 2, "zero byte"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table_is_told_with_its_line(
    tmp_path: Path, data: str | bytes, line: int, message: str
) -> None:
    with pytest.raises(LogError, match=message) as told_error:
        read(tmp_path, data)
    assert told_error.value.line == line
    assert PAN not in str(told_error.value)


@pytest.mark.parametrize(
    "data, message",
    [("{", "no JSON"), ("[1]", "one JSON object"), ('{"time": "x"}', "to hold the action"), ("[" * 9000, "no JSON")],
)
def test_what_is_wrong_with_json_is_told(tmp_path: Path, data: str, message: str) -> None:
    with pytest.raises(LogError, match=message):
        read(tmp_path, data, name="log.jsonl")


def test_mistakes_of_a_mapping_are_told_all_at_once_with_their_lines(tmp_path: Path) -> None:
    with pytest.raises(ScenarioErrors) as told_errors:
        read(
            tmp_path,
            HEADER,
            "time: {colum: t}\namount: {unit: dollar}\naction: {column: a, words: {x: sal}}\ntime_zone: here\n",
        )
    text = str(told_errors.value)
    assert "map.yaml:1:" in text and "map.yaml:2:" in text and "map.yaml:4:" in text
    with pytest.raises(ScenarioErrors, match="did you mean 'sale'"):
        read(tmp_path, HEADER, "action: {column: a, words: {x: sal}}\n")
    with pytest.raises(UsageError, match="no encoding is called"):
        read(tmp_path, HEADER, "encoding: klingon\n")


def test_lines_out_of_order_are_sorted_where_the_mapping_says_so(tmp_path: Path) -> None:
    data = f"{HEADER}\n2026-03-02T09:05,1,sale,1,,\n2026-03-02T09:03,1,sale,2,,"
    assert [each.amount_fen for each in read(tmp_path, data, "sorted: false\n")] == [2, 1]


# ---------------------------------------------------------------- what is proven


def test_only_what_the_log_proves_is_a_fault(tmp_path: Path) -> None:
    assert kinds(tmp_path, "09:00,sale,1250,approved,", "09:10,sale,100,unknown,", "18:00,settle,,,") == []
    assert kinds(tmp_path, "09:00,sale,1250,no_reply,") == [("host_silent", "line 2: this sale was never answered")]
    assert kinds(tmp_path, "09:00,sale,1250,reset,")[0][0] == "link_reset"
    assert kinds(tmp_path, "09:00,sale,1250,51,") == [("issuer_declines", "line 2: declined with 51")]
    assert kinds(tmp_path, "09:00,sale,1250,96,") == [("host_responds", "line 2: answered 96")]
    assert kinds(tmp_path, "09:00,settle,,no_reply,") == [("host_silent", "line 2: this settlement was never answered")]


def test_what_goes_wrong_at_one_terminal_strikes_no_other(tmp_path: Path) -> None:
    rows = [HEADER, "2026-03-02T09:00:00,left,sale,1250,approved,", "2026-03-02T09:01:00,right,sale,1250,no_reply,"]
    rows += ["2026-03-02T09:05:00,right,sale,990,51,", "2026-03-02T09:30:00,right,boot,,,"]
    script = script_of(read(tmp_path, "\n".join(rows)))
    assert [(each.values["type"], each.values["devices"]) for each in script.faults] == [
        ("host_silent", ["T02"]), ("issuer_declines", ["T02"]), ("power_loss", ["T02"]),
    ]  # fmt: skip
    assert [each.values["terminal"] for each in script.actions] == ["T01", "T02", "T02"]


def test_a_boot_that_nobody_asked_for_is_a_power_cut_in_the_silence_before(tmp_path: Path) -> None:
    cut = kinds(tmp_path, "09:00,sale,1250,approved,", "09:30,boot,,,")
    assert cut == [("power_loss", "line 3: it boots, and was last heard of in line 2, 30 min earlier")]
    script = script_of(read(tmp_path, lines("09:00,sale,1250,,", "09:02,boot,,,")))
    at = script.faults[0].values["at"]
    assert isinstance(at, dict) and (at["action"], at["time"]) == ("sale", "09:00")
    # The morning's boot, the one after a restart, and the one that ends a cut which the log tells of are no news.
    assert kinds(tmp_path, "08:00,boot,,,", "09:00,sale,1250,approved,") == []
    next_day = lines("18:00,settle,,approved,") + "\n2026-03-03T08:00:00,1,boot,,,\n2026-03-03T08:30:00,1,boot,,,"
    (only,) = script_of(read(tmp_path, next_day)).faults
    assert only.why == "line 4: it boots, and was last heard of in line 3, 30 min earlier"
    assert [kind for kind, _ in kinds(tmp_path, "09:00,restart,,,", "09:11,boot,,,")] == ["power_loss"]
    assert kinds(tmp_path, "09:00,restart,,,", "09:01,boot,,,") == []
    assert [kind for kind, _ in kinds(tmp_path, "09:00,power_cut,,,", "09:01,boot,,,")] == ["power_loss"]


def test_the_same_card_and_amount_soon_after_no_answer_is_the_same_customer(tmp_path: Path) -> None:
    again = script_of(read(tmp_path, lines("09:00,sale,1250,no_reply,1", "09:02,sale,1250,approved,1")))
    assert (len(again.actions), again.tries_again) == (1, True)
    for other in ("09:02,sale,1251,approved,1", "09:02,sale,1250,approved,2", "09:20,sale,1250,approved,1"):
        apart = script_of(read(tmp_path, lines("09:00,sale,1250,no_reply,1", other)))
        assert (len(apart.actions), apart.tries_again) == (2, False)


def test_no_card_number_leaves_the_import(tmp_path: Path) -> None:
    found_records = read(tmp_path, lines(f"09:00,sale,1250,approved,{PAN}", f"09:10,sale,900,approved,{PAN}"))
    text = scenario_of(tmp_path / f"log of {PAN}.csv", found_records)
    assert "card: 0" in text
    assert PAN not in text and PAN[:8] not in text.replace("log of", "")


def test_an_empty_log_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="nothing in it is an action"):
        scenario_of(tmp_path / "log.csv", read(tmp_path, HEADER))


def test_the_field_bug_shows_on_the_guilty_terminal_and_not_on_the_reference(tmp_path: Path) -> None:
    log = read(
        tmp_path,
        lines(
            "09:06,sale,1250,approved,1",
            "09:10,sale,2250,no_reply,2",
            "09:12,sale,2250,approved,2",
            "18:00,settle,,approved,",
        ),
    )
    plan = load_text(scenario_of(tmp_path / "log.csv", log))
    guilty = run(plan, "resend_as_new")
    assert 3 in found(guilty), told(guilty)
    right = run(plan, "reference")
    assert right.status == "pass", told(right)
    assert right.sales.asked == 2


def test_whatever_a_log_says_is_a_scenario(tmp_path: Path) -> None:
    draw = random.Random(1)
    for _ in range(25):
        at_us = 20_000 * 86_400_000_000 + draw.randrange(86_400_000_000)
        log = []
        for line in range(2, 2 + draw.randrange(1, 25)):
            at_us += draw.choice((0, 1, 999_999, 60_000_000, 3_600_000_000, 30_000_000_000))
            amount_fen = draw.choice((None, 0, 1, 125_000, 999_999_999_999))
            result, code = draw.choice(ENDS)
            terminal, what, card = draw.choice("ab"), draw.choice(KINDS), draw.choice(("", "x", "y"))
            log.append(Record(line, at_us, terminal, what, amount_fen, result, code, card))
        assert load_text(scenario_of(tmp_path / "log.csv", log)).actions is not None
