"""Why a target is not met: how the titles of its figures begin, and the floor that stands in the way."""

REASONS = {
    "A 50-token turn: plain SSE": (
        "The DRF tutorial reads one JSON document where ours reads, keeps and sends on 50 tokens; it knows no session, "
        "no quota and no branches. On PostgreSQL a turn waits for eight round trips; psycopg takes about 55 µs of "
        "CPU for each, and four of them are Django's BEGIN and COMMIT."
    ),
    "A short turn beside slow streams": (
        "200 streams take a quarter of the core, and a turn waits behind their tokens at each of its steps."
    ),
    "Long chats: one more turn": (
        "One client, so no two turns share a commit and the disk's share varies from run to run; statements read the "
        "same rows at any length (`chats/tests/test_query_plans.py`)."
    ),
    "Many chats: history buckets": (
        "Somebody with 1,000 chats, one a minute, has made all since yesterday, and two of the four buckets are "
        "empty; with 100,000 each has its 50."
    ),
    "Starting: idle memory": (
        "Django with its admin, DRF, drf-spectacular, uvicorn and aiohttp hold 78 MiB before any line of ours is there."
    ),
    "Open streams: memory of a stream": (
        "The floor, two sockets and their buffers in uvicorn and aiohttp, is 22 KiB. Ours adds three tasks, five "
        "generators, the context of Django's handler and the text of the reply itself."
    ),
    "Open streams: a token": (
        "The floor copies bytes. Ours parses each token, keeps it in the reply's log, wakes another task, encodes it "
        "anew and stores it four times a second; both pay for one read and one write of a socket."
    ),
    "Open streams: lateness p99": (
        "1,000 streams of 20 tokens/s are more than one core gives until deltas are joined; catching up takes seconds."
    ),
}
UNKNOWN = "Not looked into yet."


def reason(title: str) -> str:
    """Return why a figure of this title is where it is."""
    return next((text for begin, text in REASONS.items() if title.startswith(begin)), UNKNOWN)
