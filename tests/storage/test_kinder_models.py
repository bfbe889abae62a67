"""Mutation of the model itself: kinder than the world in many ways, and harsher in some, and a check notices each."""

from functools import partial

import pytest

from tests.storage import harsher_models, kinder_crash_points, kinder_flash, kinder_models
from tests.storage.model_changes import Change, complaints, told

EVERY_CHANGE = [*kinder_models.KINDER, *kinder_flash.KINDER, *kinder_crash_points.KINDER, *harsher_models.HARSHER]


_LATER = "what was fsynced may be lost"
"""Half as long as all the others together: soak has it."""


@pytest.mark.parametrize(
    "change",
    [pytest.param(each, marks=pytest.mark.soak if each.name == _LATER else (), id=each.name) for each in EVERY_CHANGE],
)
def test_a_model_that_is_not_the_world_s_is_noticed(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    change.make(monkeypatch)
    found = complaints(change.noticed_by)
    silent = [told(each) for each in change.noticed_by if not any(line.startswith(told(each)) for line in found)]
    assert change.noticed_by and not silent


def test_the_true_model_is_not_complained_about() -> None:
    """The same checks, each once: what they notice is the change, and each change was taken back."""
    checks: dict[str, partial] = {told(each): each for change in EVERY_CHANGE for each in change.noticed_by}
    assert complaints(list(checks.values())) == []
