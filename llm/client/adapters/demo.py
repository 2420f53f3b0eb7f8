"""A provider without network or key, so that everything can be tried at once."""

import asyncio
import re
from collections.abc import AsyncGenerator
from itertools import pairwise

from django.conf import settings

from common.off_loop import off_loop
from llm.client.types import Finished, Prompt, PromptMessage, ProviderEvent, TextDelta, Usage

QUOTE_LENGTH = 280
REPLY = """**Demo model** – no AI is at work here. Set `OPENAI_API_KEY` or `GEMINI_API_KEY` in `.env` \
to talk to a real one.

You wrote:

{quote}

What I can say about it:

- It is {kind} of **{words}** and **{characters}**.
- It begins with “{opening}”.
- I see **{turns}** before it, so this chat's context arrives here.

| Measure | Value |
| --- | ---: |
| Words | {word_count} |
| Different words | {different} |
| Lines | {lines} |
| Longest word, in characters | {longest} |

A real model would answer here, and could show code such as:

```python
prompt = {literal}
print(len(prompt.split()), "words")
```
"""


class DemoAdapter:
    async def stream(self, prompt: Prompt) -> AsyncGenerator[ProviderEvent, None]:
        """Say something true about the prompt, word by word, the same each time."""
        reply = await off_loop(prompt.size, answer, prompt.messages)
        for piece in re.findall(r"\s*\S+|\s+$", reply):
            yield TextDelta(piece)
            await asyncio.sleep(settings.DEMO_DELAY)
        read = await off_loop(prompt.size, _words, prompt)
        yield Finished("stop", "demo", Usage(read, len(reply.split())))


def _words(prompt: Prompt) -> int:
    return sum(len(message.text.split()) for message in prompt.messages)


def answer(messages: tuple[PromptMessage, ...]) -> str:
    """Write the reply; whatever the prompt holds stays inert text inside it."""
    text = messages[-1].text
    words = text.split()
    first = _short(re.sub(r"[^\w' ]", "", " ".join(words[:4])), 40)
    return REPLY.format(
        quote=_fenced(_short(text, QUOTE_LENGTH)),
        kind="a question" if text.rstrip().endswith("?") else "a message",
        words=_counted(len(words), "word"),
        characters=_counted(len(text), "character"),
        opening=first or "…",
        turns=_counted(_turns(messages), "earlier turn"),
        word_count=len(words),
        different=len({word.casefold() for word in words}),
        lines=len(text.splitlines()),
        longest=max(map(len, words), default=0),
        literal=ascii(_short(text, 40)).replace("`", r"\x60"),
    )


def _turns(messages: tuple[PromptMessage, ...]) -> int:
    """Count the questions that have a reply in the context."""
    return sum((a.role, b.role) == ("user", "assistant") for a, b in pairwise(messages))


def _fenced(text: str) -> str:
    """Quote as a code block whose fence is longer than any in the text."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
