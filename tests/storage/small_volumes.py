"""What tests of volumes share: one that accounts as ext4 does, and the name of an error."""

import errno
from typing import Any

import pytest

from harness.storage.volume import Volume


def ext4(total_bytes: int = 128 * 1024, **options: Any) -> Volume:
    return Volume(
        "data", "/data", total_bytes, partial_writes=False, directory_blocks=True, links_use_inodes=False, **options
    )


def failed_with(error: pytest.ExceptionInfo[OSError]) -> str:
    return errno.errorcode[error.value.errno or 0]
