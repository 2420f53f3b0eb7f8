"""The metrics of the server's processes. Imported by those only, once the directory is there: it is looked for then.

Names are part of what users build upon (dashboards, alerts): docs/operations.md lists them.
"""

from prometheus_client import Counter, Gauge, Histogram

from chats.turns.limits import GAP_BOUNDS

MODEL = ["provider", "model"]
QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
PATIENT = (0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60)

TURNS = Counter("parley_turns", "Runs of turns that have ended, or come to wait", ["state", *MODEL])
FIRST_TEXT = Histogram("parley_first_text_seconds", "From asking to the first text", MODEL, buckets=PATIENT)
GAPS = Histogram("parley_text_gap_seconds", "Between two pieces of text of a reply", MODEL, buckets=GAP_BOUNDS)
FALLBACKS = Counter("parley_fallbacks", "Turns that another model answered", ["asked", "reason"])

CALLS = Counter("parley_provider_calls", "Calls of providers; error is empty for success", [*MODEL, "error"])
RETRIES = Counter("parley_provider_retries", "Calls that repeated one before", MODEL)
TOKENS = Counter("parley_tokens", "Tokens used", [*MODEL, "kind"])
COST = Counter("parley_cost", "Cost, in units of CURRENCY", MODEL)
RESTS = Gauge(
    "parley_breaker_open", "1 while a process passes a provider over", ["provider"], multiprocess_mode="livemax"
)

RUNNING = Gauge("parley_running_turns", "Turns that the processes run", multiprocess_mode="livesum")
READERS = Gauge("parley_readers", "Open streams and sockets", ["kind"], multiprocess_mode="livesum")
UNSAVED = Gauge("parley_unsaved_seconds", "Age of the oldest text not stored yet", multiprocess_mode="livemax")
FLUSHES = Histogram("parley_flush_seconds", "How long storing the running replies took", buckets=QUICK)
EXPIRED = Counter("parley_expired_turns", "Turns that their process had left, or that waited too long", ["was"])

POOL = Gauge("parley_database_pool", "Connections of the pools", ["state"], multiprocess_mode="livesum")
MEMORY = Gauge("parley_resident_bytes", "Resident memory of the processes", multiprocess_mode="livesum")
PROCESSES = Gauge("parley_processes", "Processes that take requests", multiprocess_mode="livesum")

REQUESTS = Counter("parley_http_requests", "Answered requests", ["route", "method", "status"])
ANSWERED = Histogram("parley_http_answer_seconds", "Until an answer began", ["route"], buckets=QUICK)
