"""Run the fake provider: python -m llm.testing --port 9001"""

import argparse
import asyncio
from contextlib import suppress
from dataclasses import fields

from llm.testing.fake import HOST, start
from llm.testing.record import Journal
from llm.testing.script import ODDITIES, Script

USAGE = """Fake provider on {url}; stop it with Ctrl+C. Point Parley at it:

  OPENAI_API_KEY=fake OPENAI_BASE_URL={url}/v1 GEMINI_API_KEY=fake GEMINI_BASE_URL={url}/v1beta \\
  ANTHROPIC_API_KEY=fake ANTHROPIC_BASE_URL={url}

Script a reply in the prompt, on a line of its own:
  !fake {{"size": 2000, "chunk": 5, "delay": 0.05}}
or for the next request:
  curl {url}/_script -d '{{"status": 429, "retry_after": 1, "times": 1}}'

What was asked: GET {url}/_requests (DELETE clears); open requests: GET {url}/_open

Fields: {fields}
Oddities, as a list (true: all that any client must bear): {oddities}
A script inside "moderation" is for the moderation call.
"""


async def main(port: int) -> None:
    runner, port = await start(Journal(), port)
    names = " ".join(field.name for field in fields(Script))
    url = f"http://{HOST}:{port}"
    print(USAGE.format(url=url, fields=names, oddities=" ".join(sorted(ODDITIES))), flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m llm.testing", description="A provider to test against.")
    parser.add_argument("--port", type=int, default=9001)
    with suppress(KeyboardInterrupt):
        asyncio.run(main(parser.parse_args().port))
