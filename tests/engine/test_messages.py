"""The messages that the articles quote are shown, word for word, by a shipped terminal in a shipped scenario."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.history.codec import read_history
from harness.history.events import ScreenShown
from harness.scenario.load import load_scenario
from tests.engine.small_runs import run

# message as quoted, terminal, scenario; the terminal's own punctuation may differ
QUOTED = (
    ("存储满请先结算", "reference", "storage/update_takes_the_space"),
    ("存储空间不足", "jsonfile", "storage/device_b_full"),
    ("结算失败，请清理缓存", "report_first", "storage/device_b_full"),
    ("存储设备B已满，无法完成结算请处理", "reports_to_b", "storage/device_b_full"),
)


@pytest.mark.slow
@pytest.mark.parametrize(("message", "terminal", "scenario"), QUOTED)
def test_a_quoted_message_is_shown(message: str, terminal: str, scenario: str, tmp_path: Path) -> None:
    run(load_scenario(scenario), terminal, None, tmp_path)
    shown = {event.text for _, event in read_history(tmp_path / "history.jsonl") if isinstance(event, ScreenShown)}
    assert any(_plain(message) in _plain(text) for text in shown), shown


def _plain(text: str) -> str:
    return text.replace(",", "").replace("，", "")
