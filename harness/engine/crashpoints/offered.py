"""Whether a program offers ``--inspect``, found out once for all states of an exploration: on a fresh device, before any cut.

Models: installed, one customer served, nothing lost; its answer for those files, or for those it had before, decides. Decided
anew at each state it would depend on what the cut had left, and on the order of states.
Does not model: software in Python (``sut.offered``).
"""

from __future__ import annotations

from dataclasses import replace

from harness.engine.crashpoints.flows import FLOWS, start
from harness.engine.crashpoints.scene import Scene, Setting
from harness.history.events import Inspected, InspectionMissing


def with_inspection_decided(setting: Setting) -> Setting:
    """The setting, whose software is not asked for its records where it offers none, and owes them where it does."""
    software = setting.software
    if not software.is_program or software.black_box or software.inspection_proven or software.no_inspection:
        return setting
    scene = Scene(replace(setting, places=None))
    if "sale" in software.manifest.actions:
        FLOWS.get("sale").prepare(scene)
    else:
        start(scene)
    found = scene.station.inspected("healthy")
    scene.close()
    if isinstance(found, InspectionMissing):
        software = replace(software, no_inspection=found.why)
    elif isinstance(found, Inspected):
        software = replace(software, inspection_proven=True)
    return replace(setting, software=software)
