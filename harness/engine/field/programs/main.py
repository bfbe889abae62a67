"""One engine asked to do one thing in one directory, as a program of its own; what it prints is what happened.

    main.py ENGINE write DIRECTORY COUNT [COUNT ...]   transactions, each acknowledged when the engine has returned;
                                                       one opening of the store for each COUNT
    main.py ENGINE check DIRECTORY ...                 what a reader finds there, and whether the engine goes on
    main.py ENGINE fill|read|clear|again DIRECTORY     the four steps of a full volume

Each record's text follows from its number, so that a reader knows a whole record from a torn one.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from typing import Protocol

RECORD_BYTES = 600
FILL_RECORDS_MAX = 5000
LATER = 1000
"""The number of a record that is stored after a cut, to see whether the engine goes on."""


class Store(Protocol):
    """What each engine's module has under the name ``Store``."""

    def __init__(self, directory: str, option: str) -> None: ...

    def put(self, number: int, text: str) -> None:
        """One transaction; the engine promises it when this returns."""

    def read(self) -> dict[int, str]:
        """All records."""

    def clear(self) -> None:
        """Remove all records, as a settlement does."""

    def close(self) -> None:
        """A clean end."""


def text_of(number: int) -> str:
    """Record ``number``: no two lines of it are alike, so that no part can pass for another."""
    lines = (f"{number:06}.{line:02} sale of {100 + 7 * number + line:06} minor units;" for line in range(40))
    return "".join(lines)[:RECORD_BYTES]


def said(error: BaseException) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {error}".replace("\n", " ").replace("\t", " ")[:160]


def say(*words: object) -> None:
    print(*words, sep="\t", flush=True)


class Engine:
    def __init__(self, name: str) -> None:
        module, _, self.option = name.partition(":")
        sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
        self.store = importlib.import_module(f"stores.{module}").Store

    def open(self, directory: str) -> Store:
        store: Store = self.store(directory, self.option)
        return store

    # ------------------------------------------------------------ before a cut, and after it

    def write(self, directory: str, counts: list[str]) -> None:
        number = 0
        for count in counts:
            store = self.open(directory)
            for _ in range(int(count)):
                store.put(number, text_of(number))
                say("ack", number)
                number += 1
            store.close()
        say("closed")

    def check(self, directories: list[str]) -> None:
        for directory in directories:
            say(directory, *self._checked(directory))

    def _checked(self, directory: str) -> tuple[str, str, str]:
        """The numbers found whole, those found otherwise, and what went wrong: each "" for none."""
        found: dict[int, str] = {}
        try:
            store = self.open(directory)
            found = store.read()
        except Exception as error:
            return "", "", f"unreadable: {said(error)}"
        whole = [number for number, text in found.items() if text == text_of(number)]
        torn = [number for number in found if number not in whole]
        trouble = ""
        try:
            store.put(LATER, text_of(LATER))
            store.close()
            store = self.open(directory)
            missing = set(whole) - set(store.read())
            if LATER not in store.read() or missing:
                trouble = "stuck: what is stored after the cut is not there when the store is opened again"
            store.close()
        except Exception as error:
            trouble = f"stuck: {said(error)}"
        return " ".join(map(str, sorted(whole))), " ".join(map(str, sorted(torn))), trouble

    # ------------------------------------------------------------ a full volume

    def fill(self, directory: str) -> None:
        stored, refused = 0, "nothing"
        try:
            store = self.open(directory)
        except Exception as error:
            say("opened", said(error))
            return
        try:
            while stored < FILL_RECORDS_MAX:
                store.put(stored, text_of(stored))
                stored += 1
        except Exception as error:
            refused = said(error)
        say("stored", stored, refused)
        try:
            store.close()
            say("closed", "ok")
        except Exception as error:
            say("closed", said(error))

    def read(self, directory: str) -> None:
        try:
            store = self.open(directory)
            found = store.read()
        except Exception as error:
            say("read", said(error))
            return
        say("read", sum(text == text_of(number) for number, text in found.items()))
        self._close(store)

    def clear(self, directory: str) -> None:
        try:
            store = self.open(directory)
            store.clear()
            store.close()
            say("cleared", "ok")
        except Exception as error:
            say("cleared", said(error))

    def again(self, directory: str) -> None:
        try:
            store = self.open(directory)
            kept = len(store.read())
            store.put(LATER, text_of(LATER))
            say("again", kept, "ok" if store.read().get(LATER) == text_of(LATER) else "not there")
            store.close()
        except Exception as error:
            say("again", "", said(error))

    @staticmethod
    def _close(store: Store) -> None:
        with contextlib.suppress(Exception):
            store.close()


def main(arguments: list[str]) -> None:
    engine, action, directory, *more = arguments
    asked = Engine(engine)
    match action:
        case "write":
            asked.write(directory, more)
        case "check":
            asked.check([directory, *more])
        case _:
            getattr(asked, action)(directory)
    # Without the interpreter's own tidying: a store that an error left open must not be written by its finaliser.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
