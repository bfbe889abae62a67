"""``python -m harness.engine.field [ENGINE ...]``: write the page, or print the rows of some engines."""

from __future__ import annotations

import sys

from harness.core.registry import nearest
from harness.engine.field.engines import ENGINES
from harness.engine.field.page import PAGE, cut_row, full_row, measure_all, page


def main(names: list[str]) -> int:
    for name in names:
        if name not in ENGINES:
            print(f"no engine {name!r}; {nearest(name, list(ENGINES))}", file=sys.stderr)
            return 4
    rows = measure_all(names, lambda name: print(name, file=sys.stderr, flush=True))
    if names:
        print(*map(cut_row, rows), *map(full_row, rows), sep="\n")
        return 0
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(rows))
    print(f"wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
