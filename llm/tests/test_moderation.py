"""Moderation over the official client and real HTTP."""

import time
from typing import Any

import pytest
from pytest_django import Settings

from llm.errors import ModerationUnavailable
from llm.moderation import Verdict, moderation_enabled, moderator
from llm.testing import FakeProvider

FLAGGED = Verdict(flagged=True, categories=("violence",))


class StrictModerator:
    """Another moderator, as an operator may plug one in."""

    async def check(self, text: str) -> Verdict:
        return FLAGGED


@pytest.mark.asyncio
async def test_harmless_text_passes(fake: FakeProvider) -> None:
    assert await moderator().check("Hello") == Verdict(flagged=False, categories=())
    assert fake.requests()[0]["body"] == {"model": "omni-moderation-latest", "input": "Hello"}


@pytest.mark.asyncio
async def test_flagged_text_names_its_categories(fake: FakeProvider) -> None:
    assert await moderator().check("so [flagged]") == FLAGGED


@pytest.mark.parametrize(
    "illness", [{"status": 500}, {"status": 401}, {"status": 429}, {"malformed_after": 0}, {"redirect": 307}]
)
@pytest.mark.asyncio
async def test_whatever_goes_wrong_is_unavailable(fake: FakeProvider, illness: dict[str, Any]) -> None:
    fake.script(moderation=illness | {"repeat": 5})

    with pytest.raises(ModerationUnavailable):
        await moderator().check("Hello")

    assert "elsewhere" not in {each["vendor"] for each in fake.requests()}


@pytest.mark.asyncio
async def test_silence_ends_at_the_time_out(fake: FakeProvider, settings: Settings) -> None:
    settings.MODERATION_TIMEOUT = 0.2
    fake.script(moderation={"stall_after": 0, "repeat": 5})
    start = time.perf_counter()

    with pytest.raises(ModerationUnavailable):
        await moderator().check("Hello")

    assert time.perf_counter() - start < 1


@pytest.mark.asyncio
async def test_one_failure_is_tried_again(fake: FakeProvider) -> None:
    fake.script(moderation={"status": 500})

    assert not (await moderator().check("Hello")).flagged


@pytest.mark.asyncio
async def test_without_a_key_nothing_is_judged(fake: FakeProvider, settings: Settings) -> None:
    settings.OPENAI_API_KEY = settings.OPENAI_BASE_URL = ""

    with pytest.raises(ModerationUnavailable):
        await moderator().check("Hello")


@pytest.mark.asyncio
async def test_another_moderator_can_be_named(settings: Settings) -> None:
    settings.MODERATOR = "llm.tests.test_moderation.StrictModerator"

    assert await moderator().check("Hello") == FLAGGED


@pytest.mark.parametrize(
    ("mode", "key", "enabled"),
    [("off", "k", False), ("on", "k", True), ("on", "", False), ("required", "", True)],
)
def test_when_prompts_are_checked(settings: Settings, mode: str, key: str, enabled: bool) -> None:
    settings.MODERATION, settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = mode, key, ""

    assert moderation_enabled() is enabled
