"""GNU dbm, the C library itself by ctypes: each record stored, and the file synced, before it is acknowledged."""

from __future__ import annotations

import ctypes

_WRCREAT, _REPLACE = 2, 1


class _Datum(ctypes.Structure):
    _fields_ = [("data", ctypes.POINTER(ctypes.c_char)), ("size", ctypes.c_int)]

    @classmethod
    def of(cls, value: bytes) -> _Datum:
        return cls(
            ctypes.cast(ctypes.create_string_buffer(value, len(value)), ctypes.POINTER(ctypes.c_char)), len(value)
        )

    @property
    def value(self) -> bytes | None:
        return ctypes.string_at(self.data, self.size) if self.data else None


_library = ctypes.CDLL("libgdbm.so.6", use_errno=True)
_library.gdbm_open.restype = ctypes.c_void_p
_library.gdbm_open.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_void_p]
_library.gdbm_store.argtypes = [ctypes.c_void_p, _Datum, _Datum, ctypes.c_int]
_library.gdbm_delete.argtypes = [ctypes.c_void_p, _Datum]
_library.gdbm_fetch.argtypes, _library.gdbm_fetch.restype = [ctypes.c_void_p, _Datum], _Datum
_library.gdbm_firstkey.argtypes, _library.gdbm_firstkey.restype = [ctypes.c_void_p], _Datum
_library.gdbm_nextkey.argtypes, _library.gdbm_nextkey.restype = [ctypes.c_void_p, _Datum], _Datum
_library.gdbm_sync.argtypes = [ctypes.c_void_p]
_library.gdbm_close.argtypes = [ctypes.c_void_p]
_library.gdbm_last_errno.argtypes = [ctypes.c_void_p]
_library.gdbm_db_strerror.argtypes, _library.gdbm_db_strerror.restype = [ctypes.c_void_p], ctypes.c_char_p
_library.gdbm_strerror.argtypes, _library.gdbm_strerror.restype = [ctypes.c_int], ctypes.c_char_p
_library.gdbm_errno_location.restype = ctypes.POINTER(ctypes.c_int)
_ITEM_NOT_FOUND = 15


class Store:
    def __init__(self, directory: str, option: str) -> None:
        self.file = _library.gdbm_open(f"{directory}/batch.gdbm".encode(), 0, _WRCREAT, 0o644, None)
        if not self.file:
            raise OSError(_library.gdbm_strerror(_library.gdbm_errno_location()[0]).decode())

    def _checked(self, result: int) -> None:
        if result:
            raise OSError(_library.gdbm_db_strerror(self.file).decode())

    def put(self, number: int, text: str) -> None:
        key, value = b"%06d" % number, text.encode()
        self._checked(_library.gdbm_store(self.file, _Datum.of(key), _Datum.of(value), _REPLACE))
        self._checked(_library.gdbm_sync(self.file))

    def _keys(self) -> list[bytes]:
        keys: list[bytes] = []
        datum = _library.gdbm_firstkey(self.file)
        while (key := datum.value) is not None:
            keys.append(key)
            datum = _library.gdbm_nextkey(self.file, datum)
        error = _library.gdbm_last_errno(self.file)
        if error not in (0, _ITEM_NOT_FOUND):
            raise OSError(_library.gdbm_db_strerror(self.file).decode())
        return keys

    def read(self) -> dict[int, str]:
        found: dict[int, str] = {}
        for key in self._keys():
            value = _library.gdbm_fetch(self.file, _Datum.of(key)).value
            if value is None:
                raise OSError(_library.gdbm_db_strerror(self.file).decode())
            found[int(key)] = value.decode("latin-1")
        return found

    def clear(self) -> None:
        for key in self._keys():
            self._checked(_library.gdbm_delete(self.file, _Datum.of(key)))
        self._checked(_library.gdbm_sync(self.file))

    def close(self) -> None:
        self._checked(_library.gdbm_close(self.file))
