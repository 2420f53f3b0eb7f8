"""Signing in (nearly all of it the password's hash, which is slow on purpose) and getting a fresh access token."""

import orjson
import uvloop

from benchmarks.asking import ask
from benchmarks.bench import NAMES, Bench
from benchmarks.load import Client, request
from benchmarks.servers import Process

CASE, TITLE = "accounts", "Signing in"
PASSWORD = "correct horse battery 9"
SIGN_INS, REFRESHES = 3, 60
COOKIE = "__Secure-refresh"


def run(bench: Bench) -> None:
    for kind in bench.kinds:
        with bench.tutorial("drf", kind, people=1, password=PASSWORD) as app:
            person = app.people[0]
            wanted = token_request({"username": person["name"], "password": PASSWORD})
            ask(app.port, app.process, wanted, 1)
            drf_in = [ask(app.port, app.process, wanted, SIGN_INS).cost for _ in range(bench.rounds)]
            again = request("POST", "/api/token/refresh/", orjson.dumps({"refresh": person["refresh"]}))
            drf_again = [ask(app.port, app.process, again, REFRESHES).cost for _ in range(bench.rounds)]
        with bench.parley(kind) as ours:
            person = ours.seed(people=1, password=PASSWORD)[0]
            wanted = token_request({"email": person["email"], "password": PASSWORD})
            ask(ours.port, ours.process, wanted, 1)
            found = [ask(ours.port, ours.process, wanted, SIGN_INS).cost for _ in range(bench.rounds)]
            fresh = uvloop.run(refreshes(ours.port, ours.process, person["refresh"], bench.rounds))
        bench.add(CASE, f"sign in, {NAMES[kind]}", "ms", found, baselines={"DRF tutorial": drf_in})
        bench.add(
            CASE, f"refresh, {NAMES[kind]}", "ms", fresh, baselines={"DRF tutorial": drf_again},
            note="ours rotates the token and can revoke it; the tutorial's does neither",
        )  # fmt: skip


def token_request(body: dict[str, str]) -> bytes:
    return request("POST", "/api/token/", orjson.dumps(body))


async def refreshes(port: int, process: Process, cookie: str, rounds: int) -> list[float]:
    """Return the CPU milliseconds of a refresh, each with the cookie that the one before gave."""
    client, costs = Client(port), []
    for _ in range(rounds):
        before = process.cpu()
        for _ in range(REFRESHES):
            headers = [("Cookie", f"{COOKIE}={cookie}")]
            answer = await client.send(request("POST", "/api/token/refresh/", headers=headers))
            if answer.status != 200:
                raise RuntimeError(answer.raw[:300])
            cookie = answer.head.decode().partition(f"{COOKIE}=")[2].partition(";")[0]
        costs.append((process.cpu() - before) / REFRESHES * 1000)
    client.close()
    return costs
