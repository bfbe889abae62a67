"""What all tests share: in CI hypothesis draws the same examples each time; run by hand, it explores."""

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True, database=None)
if os.environ.get("CI"):
    settings.load_profile("ci")
