"""One picture of the two figures that matter most, as SVG without any library."""

import statistics
from html import escape

from benchmarks.results import Figure

WIDTH, BAR, GAP, LEFT, RIGHT = 860, 22, 8, 190, 110
COLOURS = {"Parley": "#2563eb", "floor": "#94a3b8"}
OTHER = "#d97706"
STYLE = (
    "text{font:14px system-ui,sans-serif;fill:#1f2937}.title{font-weight:600}.quiet{fill:#64748b}"
    "@media(prefers-color-scheme:dark){text{fill:#e5e7eb}.quiet{fill:#94a3b8}}"
)
Bars = list[tuple[str, float]]


def drawn(figures: list[Figure]) -> str:
    """Return the picture: CPU of a turn, and of a streamed token."""
    panels = [
        ("CPU time of a 50-token turn, 16 clients, SQLite", "ms", bars(figures, "plain SSE, SQLite, 16 clients")),
        ("CPU time of a streamed token, 50 streams", "µs", bars(figures, "a token, 50 streams, SQLite")),
        ("CPU time of a streamed token, 500 streams", "µs", bars(figures, "a token, 500 streams, SQLite")),
    ]
    parts, top = [], 10
    for title, unit, found in panels:
        if found:
            part, top = panel(title, unit, found, top)
            parts.append(part)
    size = f'width="{WIDTH}" height="{top}" viewBox="0 0 {WIDTH} {top}"'
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="CPU time beside floor and baselines">\n'
        f"<style>{STYLE}</style>\n{body}\n</svg>\n"
    )


def bars(figures: list[Figure], name: str) -> Bars:
    """Return (label, value) of a figure, its floor, its baselines and its peers, cheapest first."""
    found: Bars = []
    for figure in figures:
        if figure.name == name:
            found += [("Parley", figure.value)]
            found += [("floor", statistics.median(figure.floor))] if figure.floor else []
            found += [(label, statistics.median(values)) for label, values in figure.baselines.items()]
    return sorted(found, key=lambda bar: bar[1])


def panel(title: str, unit: str, found: Bars, top: int) -> tuple[str, int]:
    """Return the panel's elements and where the next one begins."""
    most = max(value for _, value in found)
    lines = [f'<text class="title" x="10" y="{top + 16}">{escape(title)}</text>']
    y = top + 30
    for label, value in found:
        width = max(2, (WIDTH - LEFT - RIGHT) * value / most)
        colour, middle = COLOURS.get(label, OTHER), y + BAR - 6
        shown = f"{value:.2f}" if value < 10 else f"{value:.0f}"
        lines += [
            f'<text x="{LEFT - 10}" y="{middle}" text-anchor="end">{escape(label)}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" rx="3" fill="{colour}"/>',
            f'<text class="quiet" x="{LEFT + width + 8:.1f}" y="{middle}">{shown} {unit}</text>',
        ]
        y += BAR + GAP
    return "\n".join(lines), y + 14
