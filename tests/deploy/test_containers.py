"""What is built and started with containers, without any: the image's steps one by one, compose and units read."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from config import env
from tests.deploy.recipes import DEPLOY, ROOT
from tests.faults.cluster import Process

COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def steps() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions in order."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [
        (line.split(maxsplit=1)[0], line.split(maxsplit=1)[1].strip()) for line in text.splitlines() if line.strip()
    ]


def has_packages() -> bool:
    try:
        urllib.request.urlopen("https://pypi.org/simple/uv/", timeout=10).close()
    except (urllib.error.URLError, OSError):
        return bool(os.environ.get("PIP_INDEX_URL") or os.environ.get("UV_INDEX_URL"))
    return True


class Image:
    """A folder in the place of the image's root; what makes users there is left out."""

    def __init__(self, root: Path) -> None:
        self.root, self.app = root, root / "app"
        self.app.mkdir(parents=True)
        (root / "bin").mkdir()
        (root / "bin" / "python").symlink_to(Path(sys.base_prefix) / "bin" / "python3")
        self.environment = {"PATH": f"{root}/bin:/usr/bin:/bin", "HOME": os.environ.get("HOME", "/")}
        # Fetched once for this machine; the image has no use for a cache.
        self._here = {"UV_NO_CACHE": "0", "UV_COMPILE_BYTECODE": "0"}
        self.entry: list[str] = []
        self.command: list[str] = []
        self.health: list[str] = []

    def placed(self, text: str) -> str:
        """Put the image's folders below ours."""
        return re.sub(r"(?<![\w./-])/(app|opt|media)\b", rf"{self.root}/\1", text)

    def build(self) -> None:
        for name, said in steps():
            getattr(self, f"_{name.lower()}", lambda said: None)(said)

    def _run(self, said: str) -> None:
        if "useradd" in said:
            (self.root / "media").mkdir()
            return
        environment = (
            self.environment | self._here | {k: v for k, v in os.environ.items() if "INDEX" in k or "CERT" in k}
        )
        done = subprocess.run(
            ["sh", "-euc", self.placed(said)], cwd=self.app, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{said}\n{done.stdout}{done.stderr}"

    def _copy(self, said: str) -> None:
        if said == ". .":
            listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
            for name in filter(lambda name: (ROOT / name).is_file(), listed.splitlines()):
                (self.app / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, self.app / name)
        elif not said.startswith("--from"):
            shutil.copy(ROOT / said.split()[0], self.app)

    def _env(self, said: str) -> None:
        self.environment |= dict(pair.partition("=")[::2] for pair in shlex.split(self.placed(said)))

    def _entrypoint(self, said: str) -> None:
        self.entry = json.loads(self.placed(said))

    def _cmd(self, said: str) -> None:
        self.command = json.loads(said)

    def _healthcheck(self, said: str) -> None:
        self.health = json.loads(self.placed(said.partition(" CMD ")[2]))


class Container(Process):
    """The image's own command on a free port."""

    def __init__(self, image: Image, environment: dict[str, str], log: Path) -> None:
        super().__init__("container", environment, log, ())
        self._image = image

    def start(self) -> None:
        command = [part.replace("8000", str(self.port)) for part in (*self._image.entry, *self._image.command)]
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                command, cwd=self._image.app, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_steps_of_the_image_make_a_server_that_is_well(tmp_path: Path) -> None:
    """And it writes nothing below its root but what it is given to write to."""
    if not has_packages():
        pytest.skip("the package index cannot be reached")
    image = Image(tmp_path / "image")
    image.build()
    settings = {
        "SECRET_KEY": "x" * 60,
        "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
        "SITE_URL": "https://a.example",
    }
    environment = image.environment | settings
    subprocess.run([*image.entry, "migrate", "--verbosity", "0"], cwd=image.app, env=environment, check=True)
    built = files(image.app)
    server = Container(image, environment, tmp_path / "log")
    server.start()
    try:
        server.wait_ready()
        health = [part.replace("8000", str(server.port)) for part in image.health]
        assert subprocess.run(health, env=environment).returncode == 0
        server.popen.terminate()
        assert server.popen.wait(30) == 0
        assert subprocess.run(health, env=environment, stderr=subprocess.DEVNULL).returncode != 0
    finally:
        server.kill()
    assert files(image.app) == built
    assert (image.app / "static-files" / "admin").is_dir()


def test_what_the_image_is() -> None:
    found = steps()
    names = [name for name, _ in found]

    assert names.count("FROM") == 2
    assert all("slim" in said for name, said in found if name == "FROM")
    assert ("USER", "10001") in found
    assert names.index("USER") > max(place for place, name in enumerate(names) if name in ("RUN", "COPY"))
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".env", ".git", "*.sqlite3", "var"} <= set(ignored)


def mounts() -> list[str]:
    listed = [mount for service in COMPOSE["services"].values() for mount in service.get("volumes", ())]
    return [mount.split(":")[0] for mount in listed]


def test_compose_names_what_there_is() -> None:
    services: dict[str, Any] = COMPOSE["services"]
    app = COMPOSE["x-app"]

    assert {"app1", "app2", "database", "redis", "nginx", "migrate"} <= set(services)
    assert [service["read_only"] for name, service in services.items() if name.startswith("app")] == [True, True]
    assert (ROOT / app["build"]["dockerfile"]).is_file()
    assert set(app["environment"]) <= env.NAMES
    shipped = [mount for mount in mounts() if mount.startswith("./") and mount != "./certificates"]
    assert [mount for mount in shipped if not (DEPLOY / mount).is_file()] == []
    assert {mount for mount in mounts() if not mount.startswith("./")} <= set(COMPOSE["volumes"])
    needed = {name for service in services.values() for name in service.get("depends_on", {})}
    assert needed <= set(services)
    upstream = (DEPLOY / "compose/parley.upstream").read_text()
    assert re.findall(r"server (\w+):8000", upstream) == [name for name in services if name.startswith("app")]


def test_compose_waits_longer_than_a_server_takes_to_stop() -> None:
    from django.conf import settings

    seconds = int(COMPOSE["x-app"]["stop_grace_period"].rstrip("s"))
    unit = (DEPLOY / "systemd/parley@.service").read_text()

    assert seconds >= settings.SHUTDOWN_GRACE_SECONDS + 5
    assert f"TimeoutStopSec={seconds}\n" in unit


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_units_are_well_formed() -> None:
    units = sorted(str(path) for path in (DEPLOY / "systemd").iterdir())
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True)
    said = [line for line in done.stderr.splitlines() if "is not executable" not in line]

    assert [line for line in said if "parley" in line] == []


@pytest.mark.parametrize(
    "path", sorted(free for free in (DEPLOY / "systemd").glob("*.service")), ids=lambda path: path.name
)
def test_the_units_run_our_commands(path: Path) -> None:
    (command,) = re.findall(r"^ExecStart=(.*)$", path.read_text(), re.MULTILINE)

    assert shlex.split(command)[1] == "manage.py"
    assert shlex.split(command)[2] in ("serve", "prune")
    assert "EnvironmentFile=/etc/parley.env" in path.read_text()
