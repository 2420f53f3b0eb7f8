"""The lines of the README do what it says, a second time too."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def test_its_lines_work_and_work_again(live: str) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    lines = "\n".join(block for block in blocks if "curl" in block).replace("http://localhost:8000", live)
    first, second = (
        subprocess.run(["bash", "-uc", lines], capture_output=True, text=True, timeout=120).stdout for _ in range(2)
    )

    assert [run.count("event: end") for run in (first, second)] == [1, 1]
    assert "correlation_id" not in first + second
