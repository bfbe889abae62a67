"""OSError as Linux and CPython give it: errno, its message, and the path or paths the caller named."""

import errno
from typing import TypeAlias

# A message table of our own: os.strerror reads the machine's C library and its locale.
_MESSAGES = {
    errno.EPERM: "Operation not permitted",
    errno.ENOENT: "No such file or directory",
    errno.EIO: "Input/output error",
    errno.ENXIO: "No such device or address",
    errno.EBADF: "Bad file descriptor",
    errno.EAGAIN: "Resource temporarily unavailable",
    errno.ENOMEM: "Cannot allocate memory",
    errno.EACCES: "Permission denied",
    errno.EBUSY: "Device or resource busy",
    errno.EEXIST: "File exists",
    errno.EXDEV: "Invalid cross-device link",
    errno.ENODEV: "No such device",
    errno.ENOTDIR: "Not a directory",
    errno.EISDIR: "Is a directory",
    errno.EINVAL: "Invalid argument",
    errno.EMFILE: "Too many open files",
    errno.ENOTTY: "Inappropriate ioctl for device",
    errno.EFBIG: "File too large",
    errno.ENOSPC: "No space left on device",
    errno.ESPIPE: "Illegal seek",
    errno.EROFS: "Read-only file system",
    errno.EDEADLK: "Resource deadlock avoided",
    errno.ENAMETOOLONG: "File name too long",
    errno.ENOTEMPTY: "Directory not empty",
    errno.ELOOP: "Too many levels of symbolic links",
    errno.EOPNOTSUPP: "Operation not supported",
    errno.EDQUOT: "Disk quota exceeded",
}

Shown: TypeAlias = tuple[object, ...]
"""The paths an error names, as the caller gave them: none, one, or source and destination."""


def os_error(number: int, *shown: object) -> OSError:
    """The OSError subclass for ``number``, naming the paths shown."""
    message = _MESSAGES[number]
    if not shown or shown[0] is None:
        return OSError(number, message)
    if len(shown) == 1:
        return OSError(number, message, shown[0])
    return OSError(number, message, shown[0], None, shown[1])
