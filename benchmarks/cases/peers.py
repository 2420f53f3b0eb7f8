"""Other products in front of the same provider, beside our OpenAI-compatible door, which stores nothing either."""

import uvloop

from benchmarks.bench import Bench
from benchmarks.cases.turns import costs
from benchmarks.doors import OPENAI, RELAY
from benchmarks.peers.litellm import LITELLM, proxy
from benchmarks.streaming import stream_all

CASE, TITLE = "peers", "Peers"
STREAMS = 50


def run(bench: Bench) -> None:
    if not bench.peers:
        return
    with proxy(bench.base, bench.folder) as app:
        turn = costs(bench.turns(LITELLM, app, [{}] * 16, 4, rounds=3))
        token = uvloop.run(stream_all(LITELLM, app.port, [{}] * STREAMS, app.process, bench.provider)).per_token
    with bench.relay("floor") as app:
        bare = costs(bench.turns(RELAY, app, [{}] * 16, 40, rounds=3))
        bare_token = uvloop.run(stream_all(RELAY, app.port, [{}] * STREAMS, app.process, bench.provider)).per_token
    with bench.parley("sqlite") as ours:
        people = ours.seed(people=STREAMS)
        found = costs(bench.turns(OPENAI, ours, people[:16], 10, rounds=3))
        ours_token = uvloop.run(stream_all(OPENAI, ours.port, people, ours.process, bench.provider)).per_token
    bench.add(CASE, "OpenAI-compatible turn, 16 clients", "ms", found, floor=bare, baselines={"LiteLLM": turn})
    bench.add(
        CASE, f"OpenAI-compatible token, {STREAMS} streams", "µs", [ours_token], floor=[bare_token],
        baselines={"LiteLLM": [token]},
    )  # fmt: skip
