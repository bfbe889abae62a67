"""What is wrong with a file: every problem at once, each with its place, what was expected and what was found."""

from __future__ import annotations

from dataclasses import dataclass

from harness.core.errors import UsageError


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong. Lines and columns count from 1, as editors do."""

    line: int
    column: int
    message: str
    path: str = ""
    """Where in the document, as ``faults[0].at.time``."""

    def text(self, file: str) -> str:
        """The problem as compilers print theirs."""
        where = f"{self.path}: " if self.path else ""
        return f"{file}:{self.line}:{self.column}: {where}{self.message}"


class DocumentErrors(UsageError):
    """A file that cannot be used. ``problems`` holds every one of them, in the order of the file."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        super().__init__(file, problems)
        self.file = file
        self.problems = sorted(problems)

    def __str__(self) -> str:
        lines = [problem.text(self.file) for problem in self.problems]
        lines.append(f"{self.file}: {len(lines)} problem{'s' if len(lines) > 1 else ''}; nothing was run")
        return "\n".join(lines)
