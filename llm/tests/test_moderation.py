"""Moderation over the official client and real HTTP."""

import json
import time
from typing import Any

import pytest
from pytest_django import Settings

from llm.errors import ModerationUnavailable
from llm.moderation import Verdict, judge, moderation_enabled, moderator
from llm.testing import FakeProvider

FLAGGED = Verdict(flagged=True, categories=("violence",))


NO = {"flagged": False, "categories": {"violence": False, "hate": False}}
NOT_BOOLEANS = [None, 0, 1, 0.0, "", "false", "true", "no", [], [False], {}, {"violence": False}]


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in NO.items() if key != name}


# Everything but the one form of a "no" and the forms of a "yes".
NO_ANSWERS: list[Any] = [
    *({**NO, "flagged": wrong} for wrong in NOT_BOOLEANS),
    *({**NO, "flagged": wrong, "categories": {"violence": True}} for wrong in NOT_BOOLEANS),
    *({**NO, "categories": {"violence": False, "hate": wrong}} for wrong in NOT_BOOLEANS),
    *({**NO, "categories": wrong} for wrong in (None, True, False, 0, "", [], ["violence"])),
    *({"flagged": True, "categories": wrong} for wrong in (None, False, "violence", ["violence"])),
    without("flagged"),
    without("categories"),
    {"categories": {"violence": True}},
    *NOT_BOOLEANS,
]
BODIES = [
    *(json.dumps({"results": [result]}) for result in NO_ANSWERS),
    *(json.dumps({"results": wrong}) for wrong in (None, False, {}, NO, [], [NO, NO], [[NO]], "no")),
    *(json.dumps(wrong) for wrong in (None, False, [], [NO], NO, "no", 0, {})),
    '{"results": [',
    "\ufeff",
    "[" * 100_000,
]


class Pluggable:
    """Answers whatever it was made to say, right or wrong."""

    says: Any = None

    async def check(self, text: str) -> Any:
        return self.says


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


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.asyncio
async def test_what_is_neither_yes_nor_no_is_no_answer(fake: FakeProvider, body: str) -> None:
    fake.script(moderation={"answer": body, "repeat": 5})

    with pytest.raises(ModerationUnavailable):
        await judge("Hello")


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        (NO, Verdict(False, ())),
        ({**NO, "categories": {}}, Verdict(False, ())),
        ({**NO, "flagged": True}, Verdict(True, ())),
        ({**NO, "categories": {"violence": True}}, FLAGGED),
        ({**NO, "categories": {"violence": True, "hate": None}}, FLAGGED),
        ({"flagged": True, "categories": {"violence": True}}, FLAGGED),
        ({"flagged": True, "categories": {"violence": 1, "hate": None}}, Verdict(True, ())),
    ],
)
@pytest.mark.asyncio
async def test_yes_and_no_and_a_hit_without_the_flag(fake: FakeProvider, result: Any, verdict: Verdict) -> None:
    fake.script(moderation={"answer": json.dumps({"results": [result]})})

    assert await judge("Hello") == verdict


@pytest.mark.parametrize(
    "says",
    [
        *NOT_BOOLEANS,
        True,
        False,
        {"flagged": False, "categories": ()},
        (False, ()),
        *(Verdict(wrong, ()) for wrong in NOT_BOOLEANS),  # type: ignore[arg-type]
        *(Verdict(False, wrong) for wrong in (None, False, 0, "", [], {}, (None,), (False,))),  # type: ignore[arg-type]
        type("Lookalike", (), {"flagged": False, "categories": ()})(),
    ],
)
@pytest.mark.asyncio
async def test_a_moderator_of_ones_own_says_so_in_the_right_form_or_says_nothing(settings: Settings, says: Any) -> None:
    settings.MODERATOR, Pluggable.says = f"{__name__}.Pluggable", says

    with pytest.raises(ModerationUnavailable):
        await judge("Hello")


@pytest.mark.asyncio
async def test_a_category_without_the_flag_counts(settings: Settings) -> None:
    settings.MODERATOR, Pluggable.says = f"{__name__}.Pluggable", Verdict(False, ("violence",))

    assert await judge("Hello") == FLAGGED


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
