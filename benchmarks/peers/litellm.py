"""LiteLLM's proxy as its documentation starts it: one process before the same fake provider; it stores nothing."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.baselines.apps import App
from benchmarks.doors import Door, Person, openai_body, text_of_openai
from benchmarks.load import request
from benchmarks.servers import ROOT, free_port, running

VERSION = "1.106.2"
HOME = ROOT / "var" / "peers" / "litellm"
KEY = "sk-bench"
CONFIG = """model_list:
  - model_name: gpt-6-luna
    litellm_params: {{model: openai/gpt-6-luna, api_base: "{base}", api_key: bench}}
general_settings: {{master_key: {key}}}
"""


def install() -> Path:
    """Return the proxy's command, installed on first use."""
    command = HOME / "bin" / "litellm"
    if not command.exists():
        subprocess.run([sys.executable, "-m", "venv", str(HOME)], check=True)
        pip = [str(HOME / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, f"litellm[proxy]=={VERSION}"], check=True)
    return command


@contextmanager
def proxy(base: str, folder: Path) -> Iterator[App]:
    """Run the proxy."""
    port, config = free_port(), folder / "litellm.yaml"
    command = [str(install()), "--config", str(config), "--port", str(port), "--num_workers", "1"]
    config.write_text(CONFIG.format(base=base, key=KEY))
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with running(command, env, port, folder / "litellm.log", seconds=180) as process:
        yield App(port, process, [], env)


def ask(person: Person, count: int, pace: int) -> bytes:
    headers = [("Authorization", f"Bearer {KEY}")]
    return request("POST", "/v1/chat/completions", openai_body(count, pace), headers)


LITELLM = Door("LiteLLM", ask, text_of_openai)
