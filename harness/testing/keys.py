"""Where the plugin keeps what it knows of a session, and the names that markers and parameters have."""

from __future__ import annotations

from pathlib import Path

import pytest

SEED = "harness_seed"
"""The marker, and the parameter that it gives a test."""
CURRENT = pytest.StashKey[pytest.Item]()
"""The test that runs now: the fixtures live as long as the session, as property tests want them, and still heed its markers."""
CHOSEN = pytest.StashKey[frozenset[Path]]()
"""Scenario files named by ``--harness-scenarios``, whatever they are called."""
