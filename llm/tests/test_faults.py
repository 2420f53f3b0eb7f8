"""What goes wrong at a vendor, over real HTTP: our name for it, and whether it is tried again."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from pytest_django import Settings

from llm.client.error_mapping import map_error
from llm.client.errors import PromptBlocked, ProviderBroken, ProviderBusy, ProviderError, ProviderRefused
from llm.client.types import ProviderCall
from llm.testing import FakeProvider
from llm.tests.asking import ask, scripted
from llm.tests.conftest import ANTHROPIC_KEY, GEMINI_KEY, OPENAI_KEY

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422])
async def test_a_refusal_is_not_repeated(fake: FakeProvider, vendor: str, status: int) -> None:
    with pytest.raises(ProviderRefused):
        await ask(vendor, scripted(status=status))

    assert len(fake.requests()) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
async def test_overload_is_tried_three_times(fake: FakeProvider, vendor: str, status: int) -> None:
    tries: list[ProviderCall] = []

    with pytest.raises(ProviderBusy):
        await ask(vendor, scripted(status=status), tries.append)

    assert [(call.number, call.error) for call in tries] == [(n, "provider_busy") for n in (1, 2, 3)]
    assert len(fake.requests()) == 3


async def test_overload_that_passes_is_not_noticed(fake: FakeProvider, vendor: str) -> None:
    reply = await ask(vendor, scripted(status=503, times=2, text="Here."))

    assert reply.text == "Here."
    assert len(fake.requests()) == 3


async def test_retry_after_is_waited_for(fake: FakeProvider, vendor: str) -> None:
    start = time.perf_counter()

    reply = await ask(vendor, scripted(status=429, times=1, retry_after=1, text="Here."))

    assert reply.text == "Here."
    assert time.perf_counter() - start >= 1


async def test_a_long_retry_after_is_handed_on(fake: FakeProvider, vendor: str) -> None:
    with pytest.raises(ProviderBusy) as caught:
        await ask(vendor, scripted(status=429, retry_after=21))

    assert caught.value.retry_after == 21
    assert len(fake.requests()) == 1


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("openai", "insufficient_quota"),
        ("gemini", "GenerateRequestsPerDayPerProjectPerModel-FreeTier"),
        ("gemini", "BILLING_DISABLED"),
        ("responses", "insufficient_quota"),
        ("anthropic", "billing_error"),
    ],
)
async def test_a_429_that_means_money_is_a_refusal(fake: FakeProvider, kind: str, code: str) -> None:
    with pytest.raises(ProviderRefused) as caught:
        await ask(kind, scripted(status=429, error_code=code))

    assert code in caught.value.detail
    assert len(fake.requests()) == 1


@pytest.mark.parametrize("status", [302, 307])
async def test_a_redirect_is_never_followed(fake: FakeProvider, vendor: str, status: int) -> None:
    with pytest.raises(ProviderRefused):
        await ask(vendor, scripted(redirect=status))

    assert [each["vendor"] for each in fake.requests()] == [vendor]


ACCIDENTS = ["cut_after", "end_after", "malformed_after", "error_after"]


@pytest.mark.parametrize("accident", ACCIDENTS)
async def test_an_accident_after_text_is_not_repeated(fake: FakeProvider, vendor: str, accident: str) -> None:
    with pytest.raises(ProviderError) as caught:
        await ask(vendor, scripted(chunks=["a", "b", "c"], **{accident: 2}))

    # An error object that calls itself the server's is known; the rest is simply broken.
    expected = ProviderBusy if accident == "error_after" else ProviderBroken
    assert type(caught.value) is expected
    assert len(fake.requests()) == 1


async def test_an_error_object_before_any_text_is_tried_again(fake: FakeProvider, vendor: str) -> None:
    with pytest.raises(ProviderBusy):
        await ask(vendor, scripted(error_after=0, chunks=["never"]))

    assert len(fake.requests()) == 3


@pytest.mark.parametrize("shape", [[], ["nested_error"], ["failed_event"]])
async def test_responses_have_three_ways_to_fail(fake: FakeProvider, shape: list[str]) -> None:
    with pytest.raises(ProviderBusy, match="server_error"):
        await ask("responses", scripted(chunks=["a", "b"], error_after=1, oddities=shape))
    with pytest.raises(ProviderRefused):
        await ask("responses", scripted(chunks=["a"], error_after=1, error_code="invalid_prompt", oddities=shape))


@pytest.mark.parametrize("accident", ["cut_after", "end_after", "malformed_after"])
async def test_a_broken_start_is_not_repeated(fake: FakeProvider, vendor: str, accident: str) -> None:
    with pytest.raises(ProviderBroken):
        await ask(vendor, scripted(chunks=["a"], **{accident: 0}))

    assert len(fake.requests()) == 1


async def test_no_server_at_all_is_busy(fake: FakeProvider, vendor: str, settings: Settings) -> None:
    settings.OPENAI_BASE_URL = settings.GEMINI_BASE_URL = settings.ANTHROPIC_BASE_URL = "http://127.0.0.1:9/v1"

    with pytest.raises(ProviderBusy):
        await ask(vendor, "Hello")


@pytest.mark.parametrize("address", ["nonsense", "ftp://127.0.0.1/v1", "http://"])
async def test_a_wrong_address_is_a_refusal(fake: FakeProvider, vendor: str, settings: Settings, address: str) -> None:
    settings.OPENAI_BASE_URL = settings.GEMINI_BASE_URL = settings.ANTHROPIC_BASE_URL = address

    with pytest.raises(ProviderRefused):
        await ask(vendor, "Hello")


@pytest.mark.parametrize("status", [401, 403, 429, 500])
async def test_details_hold_neither_keys_nor_text(fake: FakeProvider, vendor: str, status: int) -> None:
    with pytest.raises(ProviderError) as caught:
        await ask(vendor, scripted(status=status, retry_after=30))

    said = f"{caught.value} {caught.value.detail} {caught.value!r}"
    for secret in (OPENAI_KEY, ANTHROPIC_KEY, GEMINI_KEY, "sk-leaked", "prompt text", "A question"):
        assert secret not in said
    assert str(status) in said


async def test_without_a_key_no_authorization_is_sent(fake: FakeProvider, settings: Settings) -> None:
    settings.OPENAI_API_KEY = ""

    await ask("openai", "Hello")

    assert "authorization" not in fake.requests()[0]["headers"]


DATE = format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)  # a slow run reads it much later


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "3"}, 3, 3),
        ({"Retry-After": "0.5"}, 0.5, 0.5),
        ({"retry-after-ms": "250", "Retry-After": "9"}, 0.25, 0.25),
        ({"Retry-After": DATE}, 60, 7200),
        ({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0, 0),
    ],
)
async def test_retry_after_in_all_its_forms(headers: dict[str, str], least: float, most: float) -> None:
    wait = map_error("openai", None, 429, headers).retry_after

    assert wait is not None
    assert least <= wait <= most


FAR = [
    "Mon, 01 Jan 2024 00:00:00 +" + "9" * 17,
    f"Mon, {'9' * 20} Jan 2024 00:00:00 GMT",
    f"Mon, 01 Jan {'9' * 20} 00:00:00",
]


@pytest.mark.parametrize("value", ["", "soon", "-1", "nan", "inf", "1e9", "9" * 400, "\u00b2", *FAR])
async def test_a_senseless_retry_after_is_none(value: str) -> None:
    assert map_error("openai", None, 429, {"Retry-After": value}).retry_after is None


async def test_gemini_says_how_long_in_the_body() -> None:
    detail = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}
    body = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [detail]}}

    assert map_error("gemini", body, 429).retry_after == 34


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": "model not found"}, ProviderBroken),
        ({"error": {"message": "?"}}, ProviderBroken),
        ({"error": {"type": "server_error"}}, ProviderBusy),
        ({"error": {"code": "insufficient_quota"}}, ProviderRefused),
        ({"error": {"type": "invalid_request_error"}}, ProviderRefused),
        ({"error": {"code": "content_filter"}}, PromptBlocked),
        ([{"error": {"code": 503, "status": "UNAVAILABLE"}}], ProviderBusy),
        ({"error": {"code": 400, "status": "INVALID_ARGUMENT"}}, ProviderRefused),
        ({"error": {"code": [], "details": {"a": 1}}}, ProviderBroken),
        ({"type": "error", "error": {"type": "overloaded_error"}}, ProviderBusy),
        ({"type": "error", "error": {"type": "api_error"}}, ProviderBusy),
        ({"type": "error", "error": {"type": "timeout_error"}}, ProviderBusy),
        ({"type": "error", "error": {"type": "billing_error"}}, ProviderRefused),
        ({"type": "error", "error": {"type": "not_found_error"}}, ProviderRefused),
        ({"type": "error", "error": {"type": "request_too_large"}}, ProviderRefused),
        ({"error": {"code": "invalid_prompt"}}, ProviderRefused),
        (None, ProviderBroken),
    ],
)
async def test_error_objects_inside_a_stream(body: Any, kind: type[ProviderError]) -> None:
    assert type(map_error("openai", body)) is kind


@pytest.mark.parametrize("place", [{"first_delay": 60}, {"chunks": ["a", "b"], "stall_after": 1}])
async def test_cancelling_closes_the_connection_at_once(fake: FakeProvider, vendor: str, place: dict[str, Any]) -> None:
    from llm.tests.asking import until

    task = asyncio.create_task(ask(vendor, scripted(**place)))
    await until(lambda: fake.open == 1)
    await asyncio.sleep(0.05)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await until(lambda: fake.requests()[-1]["aborted"]) < 0.1
    assert fake.open == 0


async def test_closing_the_generator_closes_the_connection(fake: FakeProvider, vendor: str) -> None:
    from llm.tests.asking import prompt, reply_of, until

    events = reply_of(vendor, prompt(scripted(chunks=["a", "b"], stall_after=1)))
    await anext(events)
    await events.aclose()

    assert await until(lambda: fake.requests()[-1]["aborted"]) < 0.1


async def test_cancelling_during_a_retry_pause_asks_no_more(fake: FakeProvider, vendor: str) -> None:
    from llm.tests.asking import until

    task = asyncio.create_task(ask(vendor, scripted(status=429, retry_after=10)))
    await until(lambda: len(fake.requests()) == 1)
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert len(fake.requests()) == 1
