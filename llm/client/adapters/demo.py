"""A provider without network or key, so that everything can be tried at once."""

import asyncio
import re
from collections.abc import AsyncGenerator
from itertools import pairwise

from django.conf import settings

from common.off_loop import off_loop
from llm.client.adapters.demo_tools import CALLING, chosen_call, excuse, report
from llm.client.adapters.fencing import fenced, shortened
from llm.client.types import (
    Finished,
    Prompt,
    PromptMessage,
    ProviderConfig,
    ProviderEvent,
    RequestedCall,
    TextDelta,
    ToolDeclaration,
    ToolInputDelta,
    Usage,
)

QUOTE_LENGTH = 280
ASKS_FOR_FORMULA = re.compile(r"\b(?:formula|equation|maths?\b|latex)", re.IGNORECASE).search
REPLY = """**Demo model** – no AI is at work here. Set `OPENAI_API_KEY`, `ANTHROPIC_API_KEY` or `GEMINI_API_KEY` \
in `.env` to talk to a real one.

You wrote:

{quote}

{excuse}What I can say about it:

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
FORMULA = r"""
And a formula, for how long its words are on average:

$$
\bar{{\ell}} = \frac{{1}}{{n}} \sum_{{i=1}}^{{n}} \ell_i = \frac{{{letters}}}{{{words}}} \approx {average:.2f}
$$
"""


class DemoAdapter:
    def __init__(self, provider: ProviderConfig) -> None:
        """Take what every adapter is given, of which there is nothing to heed."""

    async def stream(self, prompt: Prompt) -> AsyncGenerator[ProviderEvent, None]:
        """Say something true about the prompt, word by word, the same each time."""
        text, call = await off_loop(prompt.size, _reply, prompt)
        for piece in re.findall(r"\s*\S+|\s+$", text):
            yield TextDelta(piece)
            await asyncio.sleep(settings.DEMO_DELAY)
        if call is not None:
            for piece in re.findall(r".{1,4}", call.arguments):
                yield ToolInputDelta(call.id, call.name, piece)
                await asyncio.sleep(settings.DEMO_DELAY)
            yield call
        read = await off_loop(prompt.size, _words, prompt)
        yield Finished("tool_calls" if call else "stop", "demo", Usage(read, len(text.split())))


def _words(prompt: Prompt) -> int:
    return sum(len(message.text.split()) for message in prompt.messages)


def _reply(prompt: Prompt) -> tuple[str, RequestedCall | None]:
    """Report what tools gave, or call one that is asked for, or talk about the prompt."""
    if told := report(prompt):
        return told, None
    call = chosen_call(_question(prompt.messages), prompt)
    return (CALLING.format(name=call.name), call) if call else (answer(prompt.messages, prompt.tools), None)


def _question(messages: tuple[PromptMessage, ...]) -> str:
    return next((message.text for message in reversed(messages) if message.role == "user"), "")


def answer(messages: tuple[PromptMessage, ...], tools: tuple[ToolDeclaration, ...] = ()) -> str:
    """Write the reply; whatever the prompt holds stays inert text inside it."""
    text = _question(messages)
    return _about(text, messages, excuse(text, tools)) + (_formula(text.split()) if ASKS_FOR_FORMULA(text) else "")


def _formula(words: list[str]) -> str:
    letters = sum(map(len, words))
    return FORMULA.format(letters=letters, words=len(words), average=letters / len(words))


def _about(text: str, messages: tuple[PromptMessage, ...], excuse: str) -> str:
    words = text.split()
    first = shortened(re.sub(r"[^\w' ]", "", " ".join(words[:4])), 40)
    return REPLY.format(
        quote=fenced(shortened(text, QUOTE_LENGTH)),
        excuse=excuse,
        kind="a question" if text.rstrip().endswith("?") else "a message",
        words=_counted(len(words), "word"),
        characters=_counted(len(text), "character"),
        opening=first or "…",
        turns=_counted(_turns(messages), "earlier turn"),
        word_count=len(words),
        different=len({word.casefold() for word in words}),
        lines=len(text.splitlines()),
        longest=max(map(len, words), default=0),
        literal=ascii(shortened(text, 40)).replace("`", r"\x60"),
    )


def _turns(messages: tuple[PromptMessage, ...]) -> int:
    """Count the questions that have a reply in the context."""
    return sum((a.role, b.role) == ("user", "assistant") for a, b in pairwise(messages))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
