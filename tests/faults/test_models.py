"""What staff change about models holds in every process within two seconds, without a restart."""

import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import httpx

from tests.faults.cluster import Cluster, Process

SECONDS = 2.0
PASSWORD = "correct horse battery 9"


class Client:
    """Somebody who asks every process."""

    def __init__(self, processes: list[Process], email: str) -> None:
        self.processes = processes
        answer = httpx.post(f"{processes[0].url}/api/register/", json={"email": email, "password": PASSWORD})
        self.id = answer.json()["user"]["id"]
        self.headers = {"Authorization": f"Bearer {answer.json()['access']}"}

    def everywhere(self, name: str) -> list[int]:
        """Return with what status each process takes a message for a model."""
        return [self._say(process.url, name) for process in self.processes]

    def _say(self, url: str, name: str) -> int:
        chat = httpx.post(f"{url}/api/chats/", json={}, headers=self.headers, timeout=20).json()["id"]
        body = {"content": "hello", "model": name}
        return httpx.post(f"{url}/api/chats/{chat}/messages/", json=body, headers=self.headers, timeout=20).status_code


class Staff:
    """A member of staff in the admin of one process."""

    def __init__(self, cluster: Cluster, process: Process) -> None:
        made = cluster.manage("createsuperuser", "--noinput", "--email", "root@example.org",
                              DJANGO_SUPERUSER_PASSWORD=PASSWORD)  # fmt: skip
        assert made.returncode == 0, made.stderr
        self.http = httpx.Client(base_url=process.url, follow_redirects=True, timeout=20)
        self.post("/admin/login/?next=/admin/", username="root@example.org", password=PASSWORD)

    def post(self, path: str, **values: Any) -> httpx.Response:
        self.http.get(path)
        token = self.http.cookies.get("csrftoken") or ""
        headers = {"Origin": str(self.http.base_url).rstrip("/"), "Referer": str(self.http.base_url)}
        answer = self.http.post(path, data={"csrfmiddlewaretoken": token, **values}, headers=headers)
        assert answer.status_code == 200, answer.text[:2000]
        return answer


def within(seconds: float, probe: Callable[[], bool]) -> float:
    """Return after how many seconds the probe was true."""
    started = time.monotonic()
    while not probe():
        assert time.monotonic() - started < seconds, f"not within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - started


def _check(cluster: Cluster) -> None:
    first, *_ = processes = cluster.start(2, DEBUG="true")
    staff, ada = Staff(cluster, first), Client(processes, "ada@example.org")
    with closing(staff.http):
        _change_and_see(cluster, staff, ada)


def _change_and_see(cluster: Cluster, staff: Staff, ada: Client) -> None:
    assert ada.everywhere("house/m") == [400, 400]

    staff.post("/admin/llm/provider/add/", name="house", label="", adapter="openai_chat", quirks="{}", order="100",
               enabled="on", base_url=cluster.fake.openai_base_url, key="sk-of-staff")  # fmt: skip
    row = cluster.sql("SELECT id FROM llm_provider WHERE name = 'house'")[0][0]
    staff.post(f"/admin/llm/provider/{row}/models/", model="gpt-6-luna")
    within(SECONDS, lambda: ada.everywhere("house/gpt-6-luna") == [201, 201])

    model = cluster.sql("SELECT id FROM llm_model WHERE provider_id = ?", row)[0][0]
    staff.post(f"/admin/llm/model/{model}/switch/", enabled="false")
    within(SECONDS, lambda: ada.everywhere("house/gpt-6-luna") == [400, 400])
    staff.post(f"/admin/llm/model/{model}/switch/", enabled="true")
    within(SECONDS, lambda: ada.everywhere("house/gpt-6-luna") == [201, 201])

    openai = cluster.sql("SELECT id FROM llm_provider WHERE name = 'openai'")[0][0]
    staff.post(f"/admin/llm/provider/{openai}/switch/", enabled="false")
    within(SECONDS, lambda: ada.everywhere("openai/gpt-6-luna") == [400, 400])
    third = cluster.start(1, DEBUG="true")[0]  # knows from its first request on
    ada.processes = [third]
    assert ada.everywhere("openai/gpt-6-luna") == [400]
    assert ada.everywhere("house/gpt-6-luna") == [201]
    assert "sk-of-staff" not in cluster.logs()
    assert "sk-of-staff" not in str(cluster.sql("SELECT * FROM llm_provider"))


def test_on_sqlite(cluster: Callable[..., Cluster], sqlite_url: str) -> None:
    _check(cluster(sqlite_url))


def test_on_postgresql(cluster: Callable[..., Cluster], database: Any) -> None:
    _check(cluster(database.url))


def test_processes_that_start_together_make_the_rows_once(cluster: Callable[..., Cluster], database: Any) -> None:
    made = cluster(database.url)
    made.sql("DELETE FROM llm_modelgroup")
    made.sql("DELETE FROM llm_model")
    made.sql("DELETE FROM llm_provider")

    made.start(4)

    names = [name for (name,) in made.sql("SELECT name FROM llm_provider")]
    assert len(names) == len(set(names)) >= 3
    rows = made.sql("SELECT provider_id, model_id FROM llm_model")
    assert len(rows) == len(set(rows)) >= 5
    keys = made.sql("SELECT base_url, sealed_key FROM llm_provider")
    assert set(keys) == {("", "")}
