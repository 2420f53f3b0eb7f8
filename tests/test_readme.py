"""The lines of the README do what it says, a second time too."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from files.tests.conftest import picture, stored

__all__ = ["stored"]

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "docs/files.md")
pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def test_its_lines_work_and_work_again(live: str) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    lines = "\n".join(block for block in blocks if "curl" in block).replace("http://localhost:8000", live)
    first, second = (
        subprocess.run(["bash", "-uc", lines], capture_output=True, text=True, timeout=120).stdout for _ in range(2)
    )

    assert [run.count("event: end") for run in (first, second)] == [1, 1]
    assert "correlation_id" not in first + second


def test_the_api_by_example_can_be_pasted(live: str, settings: Any, tmp_path: Path) -> None:
    """From a server without a key on, as a newcomer would; no line is refused."""
    settings.OPENAI_BASE_URL = settings.GEMINI_BASE_URL = settings.OPENAI_API_KEY = settings.GEMINI_API_KEY = ""
    settings.DEBUG, settings.REFRESH_COOKIE, settings.DEMO_DELAY = True, "refresh", 0.005
    page = (ROOT / "docs" / "api.md").read_text().replace("http://localhost:8000", live)
    lines = "\n".join(re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))

    done = subprocess.run(["bash", "-euc", lines], cwd=tmp_path, capture_output=True, text=True, timeout=240)

    assert done.returncode == 0, done.stderr
    assert re.findall(r'[^{}]*"correlation_id"[^{}]*', done.stdout) == []
    assert done.stdout.count("event: end") == 2
    assert re.search(r'"name":"save_note"[^{}]*[{][^{}]*[}],"state":"complete"', done.stdout), (
        "allowed, and carried out"
    )


def test_files_by_example_can_be_pasted_after_the_readme_s_lines(live: str, stored: Any, tmp_path: Path) -> None:
    data = picture("JPEG")
    (tmp_path / "holiday.jpg").write_bytes(data)
    pages = [
        (ROOT / name).read_text().replace("http://localhost:8000", live) for name in ("README.md", "docs/files.md")
    ]
    blocks = [re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL) for page in pages]
    lines = "\n".join([*(block for block in blocks[0] if "curl" in block), *blocks[1]])

    done = subprocess.run(["bash", "-euc", lines], cwd=tmp_path, capture_output=True, text=True, timeout=120)

    assert (done.returncode, "correlation_id" in done.stdout) == (0, False), done.stdout + done.stderr
    assert "100.0%" in done.stderr
    assert '"name":"holiday.jpg"' in done.stdout
    assert (tmp_path / "beginning.jpg").read_bytes() == data[:100]
