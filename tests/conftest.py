"""What all tests share: in CI hypothesis draws the same examples each time; run by hand, it explores.

The harness is compiled before the first test: hundreds of its child processes, which may write nowhere, would each do it again.
"""

import os

import pytest
from hypothesis import settings

from harness.sut import bytecode

settings.register_profile("ci", derandomize=True, database=None)
if os.environ.get("CI"):
    settings.load_profile("ci")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        bytecode.compile_missing(bytecode.PACKAGE)
