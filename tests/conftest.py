"""What all tests share: in CI hypothesis draws the same examples each time; run by hand, it explores.

The harness is compiled before the first test: hundreds of its child processes, which may write nowhere, would each do it again.
"""

import os

import pytest
from hypothesis import settings

from harness.sut import bytecode
from tests.large import FIRST, LARGE

settings.register_profile("ci", derandomize=True, database=None)
if os.environ.get("CI"):
    settings.load_profile("ci")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        bytecode.compile_missing(bytecode.PACKAGE)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests of ``large`` belong to soak. One that was renamed would be back in the test command unseen: it is an error."""
    found = {item.nodeid for item in items}
    for item in items:
        if item.nodeid in LARGE:
            item.add_marker(pytest.mark.soak)
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.nodeid not in FIRST)
    files = {nodeid.partition("::")[0] for nodeid in found}
    whole = {arg for arg in config.args if "::" not in arg}
    missing = sorted(each for each in LARGE.union(FIRST) - found if each.partition("::")[0] in files)
    if missing and whole == set(config.args) and not config.option.keyword:
        raise pytest.UsageError(f"tests/large.py names tests that are not there: {', '.join(missing)}")
