"""What was measured, as JSON lines that `benchmarks.report` renders."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

FILE = Path(__file__).parent / "results.jsonl"


@dataclass
class Figure:
    """One figure: what each measurement gave, for us, for the floor and for the baselines, in one unit."""

    case: str
    name: str
    unit: str
    ours: list[float]
    floor: list[float] = field(default_factory=list)
    baselines: dict[str, list[float]] = field(default_factory=dict)
    target: str = ""
    met: bool | None = None
    note: str = ""

    @property
    def value(self) -> float:
        return statistics.median(self.ours)

    @property
    def ratio(self) -> float | None:
        """How many times the floor it is."""
        return self.value / statistics.median(self.floor) if self.floor else None


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that so many of 100 do not exceed; 0 where there is none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))] if ordered else 0.0


def load(file: Path = FILE) -> list[Figure]:
    return [Figure(**json.loads(line)) for line in file.read_text().splitlines()] if file.exists() else []


def save(figures: list[Figure], file: Path = FILE) -> None:
    """Write the figures over those of the same cases; others stay."""
    cases = {figure.case for figure in figures}
    kept = [figure for figure in load(file) if figure.case not in cases]
    file.write_text("".join(json.dumps(rounded(figure)) + "\n" for figure in kept + figures))


def rounded(figure: Figure) -> dict[str, object]:
    values = asdict(figure)
    for name in ("ours", "floor"):
        values[name] = [round(value, 4) for value in values[name]]
    values["baselines"] = {name: [round(one, 4) for one in some] for name, some in values["baselines"].items()}
    return values
