"""What an upgrade is asked to try: everything that crosses into its child processes, and what comes back."""

from __future__ import annotations

import shlex

import msgspec

from harness.engine.crashpoints.request import CrashRequest
from harness.engine.request import dialect_flag
from harness.engine.upgrade.report import UpgradeReport

STAGES = ("up", "down", "up again")


class UpgradeRequest(CrashRequest, frozen=True, omit_defaults=True):
    """``terminal`` is the new release, ``before`` the old one. Empty ``data`` and ``stages`` are all; ``image`` is a directory
    from the field in place of what the old release leaves. Without ``cuts`` nothing is cut. ``named``: the scenario, as it was
    given, where that is not the usual one."""

    before: str = ""
    data: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    image: str = ""
    cuts: bool = True
    named: str = ""

    @property
    def specs(self) -> tuple[str, ...]:
        """Both releases."""
        return (*super().specs, self.before)

    @property
    def read(self) -> tuple[str, ...]:
        """The data from the field."""
        return (self.image,) if self.image else ()


class Upgraded(msgspec.Struct, frozen=True, tag="upgraded"):
    """The share came to its end."""

    report: UpgradeReport


def replay_line(request: UpgradeRequest, data: str, stage: str, profile: str, state: str) -> str:
    """The command that judges one stage, or one state that a cut into it leaves, again."""
    parts = ["harness upgrade"]
    if request.named:
        parts.append(f"--scenario {shlex.quote(request.named)}")
    parts += [f"--from {shlex.quote(request.before)}", f"--to {shlex.quote(request.terminal or '')}"]
    parts += dialect_flag(request.dialect)
    if request.device is not None:
        parts.append(f"--device {request.device}")
    if request.seed is not None:
        parts.append(f"--seed {request.seed}")
    parts.append(f"--image {shlex.quote(request.image)}" if request.image else f"--data {data}")
    parts.append(f"--stage {shlex.quote(stage)}")
    if not state:
        return " ".join((*parts, "--no-cuts"))
    if request.profiles:
        parts.append(f"--profile {profile}")
    return " ".join((*parts, f"--state {state}"))
