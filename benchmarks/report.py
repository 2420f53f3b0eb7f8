"""Render results.jsonl as docs/performance.md and docs/images/performance.svg. python -m benchmarks.report"""

import importlib
import os
import platform
import statistics
from pathlib import Path

from benchmarks import plot
from benchmarks.results import Figure, load

DOCS = Path(__file__).resolve().parent.parent / "docs"
ORDER = (
    "turns", "streams", "first", "beside", "long", "lists", "startup", "processes", "resume", "accounts", "overload",
    "peers",
)  # fmt: skip
INTRODUCTION = """# Performance

Made by `make bench` ({machine}); every line is of the same run as the floor and the baselines beside it.
CPU is user and system time of the server's process tree, pinned to one core of its own; provider and load generator
share another, and every reply is compared byte for byte with what the provider sent. PostgreSQL's own processes are not
counted. How to repeat it, and what each part is: [benchmarks/README.md](../benchmarks/README.md).

- **Floor**: a bare ASGI relay (uvicorn, uvloop, aiohttp): no framework, no sign-in, nothing stored, nothing parsed.
- **Baselines**: the DRF tutorial (synchronous views, ORM, SimpleJWT, gunicorn with 16 threads; waits for the whole
  reply), the Channels tutorial (consumer over the official SDK's typed stream) and a relay of that typed stream.
- Each figure is the median of its rounds, with the lowest and the highest; `×` is how many times the floor.

![CPU time of a turn and of a streamed token beside floor and baselines](images/performance.svg)
"""
BY_HAND = "## What stands in the way\n"  # from here on the page is kept as it is


def main() -> None:
    figures = load()
    parts = [INTRODUCTION.format(machine=machine()), summary(figures)]
    for name in ORDER:
        module = importlib.import_module(f"benchmarks.cases.{name}")
        if rows := [figure for figure in figures if figure.case == module.CASE]:
            parts.append(section(module.TITLE, (module.__doc__ or "").strip(), rows))
    page = DOCS / "performance.md"
    page.write_text("\n".join([*parts, BY_HAND + page.read_text().partition(BY_HAND)[2]]))
    (DOCS / "images" / "performance.svg").write_text(plot.drawn(figures))


def machine() -> str:
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def summary(figures: list[Figure]) -> str:
    """Return the targets alone, each with its figure."""
    rows = [figure for figure in figures if figure.target]
    lines = ["## Targets", "", "| figure | here | target | met |", "|---|---|---|---|"]
    lines += [f"| {about(one)} | {shown(one.value, one.unit)} | {one.target} | {verdict(one)} |" for one in rows]
    return "\n".join([*lines, "", "Why some are not met: [What stands in the way](#what-stands-in-the-way).", ""])


def about(figure: Figure) -> str:
    module = next(one for one in map(case_module, ORDER) if figure.case == one.CASE)
    return f"{module.TITLE}: {figure.name}"


def case_module(name: str):  # type: ignore[no-untyped-def]
    return importlib.import_module(f"benchmarks.cases.{name}")


def section(title: str, text: str, rows: list[Figure]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row.baselines))
    head = ["figure", "Parley", "spread", "floor", "×", *names, "target", "met", "note"]
    used = [column for column in head if column in ("figure", "Parley") or any(cell(row, column) for row in rows)]
    lines = [f"| {' | '.join(used)} |", "|" + "---|" * len(used)]
    lines += [f"| {' | '.join(cell(row, column) for column in used)} |" for row in rows]
    return "\n".join([f"## {title}", "", text, "", *lines, ""])


def cell(row: Figure, column: str) -> str:
    """Return one cell; a column named for a baseline shows how it compares with us."""
    if column in row.baselines:
        value = statistics.median(row.baselines[column])
        ratio = f" ({value / row.value:.1f} × ours)" if row.value > 0 and value else ""
        return shown(value, row.unit) + ratio
    simple = {
        "figure": row.name, "Parley": shown(row.value, row.unit), "target": row.target, "met": verdict(row),
        "note": row.note, "floor": shown(statistics.median(row.floor), row.unit) if row.floor else "",
        "×": f"{row.ratio:.2f}" if row.ratio else "", "spread": spread(row),
    }  # fmt: skip
    return simple.get(column, "")


def spread(row: Figure) -> str:
    return f"{number(min(row.ours))}–{number(max(row.ours))}" if len(row.ours) > 1 else ""


def verdict(row: Figure) -> str:
    return {None: "", True: "yes", False: "**no**"}[row.met]


def shown(value: float, unit: str) -> str:
    return f"{number(value)} {unit}".strip()


def number(value: float) -> str:
    if value == int(value) and abs(value) < 10_000:
        return str(int(value))
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
