"""Run the fake Stream: python -m streamchat.testing --port 9002; send a command to Parley: --say TEXT"""

import argparse
import asyncio
import urllib.request
from contextlib import suppress

from streamchat.testing.fake import HOST, start
from streamchat.testing.hooks import Hook
from streamchat.testing.server import KEY, SECRET
from streamchat.testing.state import State

USAGE = f"""Fake Stream on {{url}}; stop it with Ctrl+C. Point Parley at it:

  STREAM_API_KEY={KEY} STREAM_API_SECRET={SECRET} STREAM_BASE_URL={{url}}

and send a command as Stream would:

  python -m streamchat.testing --say "What is the capital of France?"
"""


async def serve(port: int) -> None:
    state = State()
    runner, port = await start(state, port)
    print(USAGE.format(url=f"http://{HOST}:{port}"), flush=True)
    try:
        await show(state)
    finally:
        await runner.cleanup()


async def show(state: State) -> None:
    """Print the calls as they come."""
    seen = 0
    while True:
        for call in state.calls[seen:]:
            print(call.status, call.name, call.target, call.body or "", flush=True)
        seen = len(state.calls)
        await asyncio.sleep(0.1)


def say(parley: str, args: str, command: str, cid: str) -> None:
    """Send a slash command to Parley and print what it answers."""
    hook = Hook(args, cid, command)
    body = hook.body()
    request = urllib.request.Request(f"{parley}/webhooks/stream/", body, hook.headers(body))
    with urllib.request.urlopen(request, timeout=10) as answer:
        print(answer.status, answer.read().decode())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m streamchat.testing", description="A Stream to test against.")
    parser.add_argument("--port", type=int, default=9002)
    parser.add_argument("--say", metavar="TEXT", help="send a command instead")
    parser.add_argument("--parley", default="http://127.0.0.1:8000")
    parser.add_argument("--command", default="gpt")
    parser.add_argument("--channel", default="messaging:general")
    given = parser.parse_args()
    if given.say is not None:
        say(given.parley, given.say, given.command, given.channel)
    else:
        with suppress(KeyboardInterrupt):
            asyncio.run(serve(given.port))
