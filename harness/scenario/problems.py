"""What is wrong with a scenario file: every problem at once, each with its place, what was expected and what was found."""

from __future__ import annotations

from harness.core.documents.problems import DocumentErrors, Problem

__all__ = ["Problem", "ScenarioErrors"]


class ScenarioErrors(DocumentErrors):
    """A scenario or dialect file that cannot be run."""
