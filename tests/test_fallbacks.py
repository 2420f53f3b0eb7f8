"""Another model answers where a provider is overloaded, out of reach or silent; refusals never fall back."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from chats.tests.helpers import begin, ended, eventually
from conftest import Person
from llm import breaker
from llm.models import Model
from llm.snapshot import refresh_rows
from llm.testing import FakeProvider
from llm.tests.rows import live_rows, provider
from usage.models import Attempt, Counter, Limit

__all__ = ["live_rows"]
pytestmark = pytest.mark.usefixtures("live_rows")
NOWHERE = "http://127.0.0.1:9/v1"
FAULTS: dict[str, dict[str, Any]] = {
    "busy": {"status": 503},
    "told to wait": {"status": 429, "retry_after": "60"},
    "silent": {"stall_after": 0},
}


@pytest.fixture(autouse=True)
def two(live: str, fake: FakeProvider, settings: Any) -> Iterator[None]:
    """Two providers: `first` has its fault from the prompt, which `second`, speaking another dialect, gets too."""
    settings.PROVIDER_RETRIES, settings.FIRST_TEXT_TIMEOUT = 0, 1
    provider("first", ("m-1",), base_url=fake.openai_base_url)
    provider("second", ("m-2", "m-3"), base_url=fake.gemini_base_url, adapter="gemini")
    Model.objects.filter(model_id="m-1").update(
        fallbacks=["nobody/knows", "second/m-2"], input_price=10**6, output_price=10**6
    )
    Model.objects.filter(model_id="m-2").update(input_price=2 * 10**6, output_price=2 * 10**6)
    refresh_rows()
    breaker.let_all_through()
    yield
    breaker.let_all_through()
    Limit.objects.all().delete()


def say(one: Person, fake: FakeProvider, fault: dict[str, Any], **values: Any) -> dict[str, Any]:
    fake.script(**fault, repeat=1)
    answer = one.say(one.chat(model="first/m-1"), "Hello", **values)
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["reply"])


@pytest.mark.parametrize("fault", FAULTS)
def test_the_second_answers_where_the_first_cannot(alice: Person, fake: FakeProvider, fault: str) -> None:
    reply = say(alice, fake, FAULTS[fault])

    assert (reply["state"], reply["provider"], reply["model"]) == ("complete", "second", "m-2")
    reason = "provider_timeout" if fault == "silent" else "provider_busy"
    assert reply["fallback"] == {"asked": "first/m-1", "reason": reason}
    rows = Attempt.objects.filter(user_id=alice.id).order_by("id").values_list("provider", "error", "cost")
    assert [row[:2] for row in rows] == [("first", reason), ("second", "")]
    assert rows[0][2] == 0
    assert rows[1][2] == reply["cost"] == 2 * sum(reply["tokens"].values())


def test_a_refused_connection_falls_back(alice: Person, fake: FakeProvider) -> None:
    provider("away", ("m-9",), base_url=NOWHERE)
    Model.objects.filter(model_id="m-9").update(fallbacks=["second/m-2"])
    refresh_rows()

    reply = alice.say(alice.chat(model="away/m-9"), "Hello").json()["reply"]

    assert (reply["provider"], reply["fallback"]["asked"]) == ("second", "away/m-9")


@pytest.mark.parametrize("fault", [{"status": 400}, {"status": 401}, {"block": "SAFETY"}, {"cut_after": 1}])
def test_refusals_and_what_has_begun_never_fall_back(alice: Person, fake: FakeProvider, fault: dict[str, Any]) -> None:
    fake.script(**fault)
    alice.say(alice.chat(model="first/m-1"), "Hello")

    assert [request["vendor"] for request in fake.requests()] == ["openai"]


def test_a_user_can_forbid_it(alice: Person, fake: FakeProvider) -> None:
    fake.script(status=503)
    chat = alice.chat(model="first/m-1", settings={"fallback": False})

    assert alice.say(chat, "Hello").status_code == 503
    assert len(fake.requests()) == 1


def test_a_fallback_must_be_able_to_do_what_is_asked(alice: Person, fake: FakeProvider) -> None:
    Model.objects.filter(model_id="m-2").update(structured_output=False)
    Model.objects.filter(model_id="m-1").update(fallbacks=["second/m-2", "second/m-3"])
    refresh_rows()
    form = {"type": "json_object"}
    reply = say(alice, fake, {"status": 503}, settings={"response_format": form})

    assert reply["model"] == "m-3"


def test_completions_fall_back_too(alice: Person, fake: FakeProvider) -> None:
    key = alice.post("/api/keys/", {"name": "k"}).json()["key"]
    body = {"model": "first/m-1", "messages": [{"role": "user", "content": "Hello"}]}
    for fault in FAULTS.values():
        fake.script(**fault, repeat=1)
        headers = {"Authorization": f"Bearer {key}"}
        answer = httpx.post(f"{alice.http.base_url}/v1/chat/completions", json=body, headers=headers, timeout=30)
        assert answer.status_code == 200, answer.text
    eventually(lambda: Attempt.objects.filter(user_id=alice.id, provider="second", error="").count() == 3)


def test_what_keeps_failing_is_passed_over_and_used_again_when_it_is_back(
    alice: Person, fake: FakeProvider, settings: Any
) -> None:
    settings.BREAKER_SECONDS = 5
    for _ in range(5):
        assert say(alice, fake, {"status": 503})["provider"] == "second"
    fake.clear()

    assert alice.say(alice.chat(model="first/m-1"), "Hello").json()["reply"]["provider"] == "second"
    assert [request["vendor"] for request in fake.requests()] == ["gemini"], "the first one rests"
    back = eventually(lambda: _answers_again(alice))
    assert back["fallback"] is None
    assert alice.say(alice.chat(model="first/m-1"), "Hello").json()["reply"]["provider"] == "first"


def _answers_again(one: Person) -> dict[str, Any] | None:
    reply = one.say(one.chat(model="first/m-1"), "Hello").json()["reply"]
    return dict(reply) if reply["provider"] == "first" else None


def test_a_dearer_fallback_holds_more_within_the_limit(alice: Person, fake: FakeProvider, settings: Any) -> None:
    settings.LEAST_OUTPUT_TOKENS = 10
    Limit.objects.create(name="small", user_id=alice.id, unit="cost", period="day", amount=3000)
    fake.script(**FAULTS["busy"])
    fake.script(chunks=["some ", "more"], stall_after=1)
    chat = alice.chat(model="first/m-1")
    begin(alice, chat, "Hello")
    eventually(lambda: alice.messages(chat)[-1]["content"])

    day = Counter.objects.of_user(alice.id).get()
    asked = fake.requests("gemini")[0]["body"]["generationConfig"]["maxOutputTokens"]
    assert 2 * asked <= day.held_cost <= 3000
    alice.post(f"/api/chats/{chat}/stop/")
    ended(alice, chat)
    day.refresh_from_db()
    assert (day.held_cost, day.held_tokens, day.running) == (0, 0, 0)


def test_a_fallback_with_a_limit_of_its_own_is_passed_over(alice: Person, fake: FakeProvider) -> None:
    Limit.objects.create(name="m-2", user_id=alice.id, unit="cost", period="day", amount=1, model="second/m-2")
    fake.script(status=503)

    assert alice.say(alice.chat(model="first/m-1"), "Hello").status_code == 503
    assert fake.requests("gemini") == []
