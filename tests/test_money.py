"""Every call of a provider is booked at its price, and no limit is exceeded: as the fake's own log has it."""

import os
import uuid
from collections import Counter as Tally
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import Group
from django.db.models import Sum
from django.utils import timezone

import common.sql
from accounts.models import User
from chats.tests.helpers import at_once, begin, ended, eventually, is_refusal
from chats.tests.helpers import fake as scripted
from chats.tests.tools import own_tools
from chats.turns import accept, ends, writes
from conftest import Person
from llm.models import Model
from llm.snapshot import refresh_rows
from llm.testing import FakeProvider
from llm.tests.rows import live_rows, provider
from usage import allowance, counters, holds
from usage.models import Attempt, Counter, Hold, Limit

__all__ = ["live_rows"]
pytestmark = pytest.mark.usefixtures("live_rows", "no_limits")
MILLION = 1_000_000
REPLIES = 1_000 if os.environ.get("FAULTS") == "long" else 24
PRICES = {"m-1": (3, 15, 1), "m-2": (7, 11, 7)}  # micro-units of a token: fresh, made, cached


@pytest.fixture(autouse=True)
def priced(live: str, fake: FakeProvider) -> None:
    row = provider("house", tuple(PRICES), base_url=fake.openai_base_url)
    for model_id, (fresh, made, cached) in PRICES.items():
        prices = {"input_price": fresh, "output_price": made, "cached_input_price": cached}
        Model.objects.filter(provider=row, model_id=model_id).update(
            **{name: price * MILLION for name, price in prices.items()}
        )
    Model.objects.filter(provider=row, model_id="m-2").update(cached_input_price=None)
    refresh_rows()


@pytest.fixture
def no_limits(live: str) -> Iterator[None]:
    yield
    Limit.objects.all().delete()


def limit(**values: Any) -> Limit:
    made = Limit(**{"name": "a limit", "unit": "cost", "period": "month", **values})
    made.full_clean()
    made.save()
    return made


def spent(fake: FakeProvider, told: bool = False) -> int:
    """Return what all requests come to by the fake's own log: of those told only, or of all that was sent."""
    return sum(price_of(record) for record in fake.requests() if record["sent"] and (record["finished"] or not told))


def price_of(record: dict[str, Any]) -> int:
    fresh, made, cached = PRICES[record["model"]]
    half = record["prompt_tokens"] // 2  # that the fake says were cached
    return (record["prompt_tokens"] - half) * fresh + half * cached + record["sent"] * made


def key_of(one: Person) -> dict[str, str]:
    return {"Authorization": f"Bearer {one.post('/api/keys/', {'name': 'k'}).json()['key']}"}


def complete(one: Person, headers: dict[str, str], content: str, **body: Any) -> httpx.Response:
    asked = {"model": "house/m-1", "messages": [{"role": "user", "content": content}], **body}
    return httpx.post(f"{one.http.base_url}/v1/chat/completions", json=asked, headers=headers, timeout=60)


def day_of(one: Person) -> Counter:
    return Counter.objects.of_user(one.id).get()


def booked(one: Person) -> Any:
    return Attempt.objects.filter(user_id=one.id)


def nothing_held() -> bool:
    held = Counter.objects.exclude(held_tokens=0, held_cost=0, running=0)
    return not held.exists() and not Hold.objects.exists()


# --- attempts ------------------------------------------------------------------------------------------------------
def test_costs_equal_a_recount_of_the_providers_log(alice: Person, fake: FakeProvider, settings) -> None:
    key, chats = key_of(alice), [alice.chat() for _ in range(4)]
    for number in range(REPLIES):
        model = f"house/m-{number % 2 + 1}"
        text = scripted(text="A word or two. " * (number % 7 + 1), reasoning="Let me see." if number % 3 else "")
        if number % 4 == 3:
            assert complete(alice, key, text, model=model, stream=bool(number % 8 == 3)).status_code == 200
        else:
            assert alice.say(chats[number % 4], text, model=model).status_code == 201
    reply = alice.messages(chats[0])[-1]["id"]
    alice.post(f"/api/chats/{chats[0]}/messages/{reply}/regenerate/", {})
    eventually(lambda: booked(alice).count() == REPLIES + 1)

    by_model = {row["model"]: row["cost"] for row in booked(alice).values("model").annotate(cost=Sum("cost"))}
    recounted = Tally[str]()
    for record in fake.requests():
        recounted[record["model"]] += price_of(record)
    assert by_model == dict(recounted)
    assert day_of(alice).cost == sum(by_model.values()) == spent(fake)
    by_day = alice.get("/api/usage/").json()["results"]
    assert sum(row["cost"] for row in by_day) == sum(by_model.values())
    shown = [row["cost"] for chat in chats for row in alice.messages(chat) if row["role"] == "assistant"]
    for chat in chats:
        alice.http.delete(f"/api/chats/{chat}/")
    assert booked(alice).aggregate(cost=Sum("cost"))["cost"] == day_of(alice).cost, "chats are gone, costs are not"
    assert all(isinstance(cost, int) and cost > 0 for cost in shown)


def test_each_try_is_an_attempt_and_those_that_said_nothing_cost_nothing(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat(model="house/m-1")
    reply = alice.say(chat, scripted(status=503, times=2, text="At last.")).json()["reply"]

    rows = list(booked(alice).order_by("id").values_list("error", "cost", "estimated", "tokens_in", "reply"))
    assert [row[:4] for row in rows[:2]] == [("provider_busy", 0, False, 0)] * 2
    assert rows[2][:2] == ("", spent(fake, told=True))
    assert {str(row[4]) for row in rows} == {reply["id"]}
    assert reply["cost"] == rows[2][1]


def test_what_a_provider_does_not_tell_is_estimated_and_marked(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat(model="house/m-1")
    alice.say(chat, scripted(chunks=["some ", "more "], cut_after=1))

    row = booked(alice).get()
    assert (row.estimated, row.tokens_out, bool(row.error)) == (True, 2, True)
    assert row.cost == row.tokens_in * 3 + row.tokens_out * 15 > 0
    assert day_of(alice).tokens == row.tokens_in + row.tokens_out


def test_a_stopped_reply_keeps_its_cost(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat(model="house/m-1")
    begin(alice, chat, scripted(chunks=["some text ", "more"], stall_after=1))
    eventually(lambda: alice.messages(chat)[-1]["content"])
    alice.post(f"/api/chats/{chat}/stop/")

    row = booked(alice).get()
    assert (row.error, row.estimated, row.cost > 0) == ("stopped", True, True)
    assert ended(alice, chat)["cost"] == row.cost


def test_what_runs_while_its_chat_is_deleted_is_booked_once(alice: Person, fake: FakeProvider) -> None:
    limit(user_id=alice.id, amount=10**9)
    chat = alice.chat(model="house/m-1")
    begin(alice, chat, scripted(chunks=["some text ", "more"], stall_after=1))
    eventually(lambda: alice.messages(chat)[-1]["content"])
    assert day_of(alice).held_cost > 0
    alice.http.delete(f"/api/chats/{chat}/")

    eventually(lambda: booked(alice).exists() and nothing_held())
    assert booked(alice).get().cost == day_of(alice).cost > 0


def test_costs_of_a_deleted_account_stay_without_a_name(alice: Person, fake: FakeProvider) -> None:
    alice.say(alice.chat(model="house/m-1"), "Hello")
    row = booked(alice).get()
    answer = alice.http.request("DELETE", "/api/users/self/", json={"password": "correct horse battery 9"})
    assert answer.status_code == 204, answer.text

    row.refresh_from_db()
    assert (row.user_id, row.cost) == (None, spent(fake))
    assert not Counter.objects.of_user(alice.id).exists()


def test_a_title_is_booked_on_its_chats_owner_and_is_no_message(alice: Person, fake: FakeProvider, settings) -> None:
    settings.TITLE_MODEL = "house/m-2"
    alice.say(alice.chat(model="house/m-1"), "Hello")

    eventually(lambda: booked(alice).filter(kind="title").exists())
    assert (day_of(alice).messages, day_of(alice).cost) == (1, spent(fake))


# --- limits --------------------------------------------------------------------------------------------------------
def fill(text: str = "Good words. " * 10) -> str:
    return scripted(text=text, delay=0.01)


def cost_of(fake: FakeProvider, one: Person) -> int:
    """Return what `fill` costs."""
    one.say(one.chat(model="house/m-1"), fill())
    return spent(fake)


@pytest.mark.parametrize("whose", ["user", "group", "everyone"])
def test_no_parallelism_gets_past_a_limit(
    person: Callable[[], Person], fake: FakeProvider, whose: str, settings
) -> None:
    settings.TURNS_PER_USER = 100
    settings.LEAST_OUTPUT_TOKENS = 30
    people = [person(), person()]
    one = cost_of(fake, person())
    fake.clear()
    group = Group.objects.create(name=f"g {uuid.uuid4()}")
    for each in people:
        User.objects.get(pk=each.id).groups.add(group)
    amount, asking = one * 6, people[:1] if whose == "user" else people
    whom: dict[str, dict[str, Any]] = {
        "user": {"user_id": people[0].id},
        "group": {"group": group, "is_shared": True},
        "everyone": {"is_shared": True},
    }
    limit(amount=amount + (everyones() if whose == "everyone" else 0), **whom[whose])
    calls = [call for each in asking for call in doors(each)]

    for _ in range(3):
        answers = at_once(calls)
        assert {answer.status_code for answer in answers} <= {200, 201, 429}, [a.text for a in answers]
        assert spent(fake) <= amount
    eventually(nothing_held)
    while asking[0].say(asking[0].chat(model="house/m-1"), fill()).status_code == 201:
        eventually(nothing_held)
    booked_on_them = Attempt.objects.filter(user_id__in=[each.id for each in people])
    assert spent(fake) == booked_on_them.aggregate(cost=Sum("cost"))["cost"]
    assert spent(fake) > amount - one * 3, "what is left is less than a few replies"


def doors(one: Person) -> list[Callable[[], httpx.Response]]:
    key, chats = key_of(one), [one.chat(model="house/m-1") for _ in range(6)]
    return [
        *(lambda chat=chat: one.say(chat, fill()) for chat in chats),
        *(lambda _=number: complete(one, key, fill()) for number in range(4)),
    ]


def everyones() -> int:
    return Counter.objects.filter(subject="everyone").aggregate(cost=Sum("cost"))["cost"] or 0


def test_ten_steps_stop_where_the_money_ends(alice: Person, fake: FakeProvider, settings) -> None:
    settings.LEAST_OUTPUT_TOKENS = 20
    settings.DEFAULT_TOOLS = ("all",)
    look = {"calls": [{"name": "look_up", "arguments": {"word": "tide", "size": 600}}]}
    limit(user_id=alice.id, amount=9000)
    chat = alice.chat(model="house/m-1")
    with own_tools():
        alice.say(chat, scripted(steps=[look] * 9 + [{"text": "Done."}]))

    last = ended(alice, chat)
    assert (last["state"], last["reason"]) == ("interrupted", "limit_reached")
    assert 1 < len(fake.requests()) < 10
    assert last["cost"] == day_of(alice).cost == spent(fake) <= 9000
    assert nothing_held()


def test_a_refusal_says_what_is_reached_and_when_it_begins_anew(alice: Person, fake: FakeProvider) -> None:
    limit(user_id=alice.id, amount=1, period="day", name="Pocket money")
    refused = alice.say(alice.chat(model="house/m-1"), "Hello")

    assert is_refusal(refused, 429)
    said = refused.json()
    assert said["code"] == "quota_exceeded"
    assert "Pocket money" in said["detail"]
    assert "00:00" in said["detail"]
    assert said["limit"] == {"name": "Pocket money", "unit": "cost", "period": "day", "amount": 1, "used": 0,
                             "held": 0, "left": 1}  # fmt: skip
    assert fake.requests() == []
    assert not Counter.objects.of_user(alice.id).exists(), "nothing is counted, nothing is held"


def test_messages_by_the_minute_and_replies_at_the_same_time(alice: Person, fake: FakeProvider) -> None:
    minute = limit(user_id=alice.id, unit="messages", period="minute", amount=3)
    statuses = Tally(a.status_code for a in at_once([lambda: alice.say(alice.chat(model="house/m-1"), "x")] * 8))
    assert statuses[201] in (3, 6), "six where a minute began in between"
    minute.delete()
    limit(user_id=alice.id, unit="running", period="", amount=1)
    chat = alice.chat(model="house/m-1")
    begin(alice, chat, scripted(stall_after=0))
    assert alice.say(alice.chat(model="house/m-1"), "x").status_code == 429
    assert complete(alice, key_of(alice), "x").status_code == 429
    alice.post(f"/api/chats/{chat}/stop/")
    assert alice.say(alice.chat(model="house/m-1"), "x").status_code == 201
    assert nothing_held()


def test_a_limit_of_one_model_leaves_the_others_alone(alice: Person, fake: FakeProvider) -> None:
    limit(user_id=alice.id, unit="messages", period="day", amount=1, model="house/m-1")
    chat = alice.chat(model="house/m-1")

    assert alice.say(chat, "x").status_code == 201
    assert alice.say(chat, "x").status_code == 429
    assert alice.say(chat, "x", model="house/m-2").status_code == 201


def test_a_key_has_a_limit_of_its_own(alice: Person, fake: FakeProvider) -> None:
    key = alice.post("/api/keys/", {"name": "k"}).json()
    limit(key_id=key["id"], unit="messages", period="month", amount=1)
    headers = {"Authorization": f"Bearer {key['key']}"}

    assert complete(alice, headers, "x").status_code == 200
    assert complete(alice, headers, "x").status_code == 429
    assert alice.say(alice.chat(model="house/m-1"), "x").status_code == 201


def test_what_brought_no_text_gives_back_its_message_on_every_counter(alice: Person, fake: FakeProvider) -> None:
    limit(user_id=alice.id, unit="messages", period="day", amount=1, model="house/m-1")
    chat = alice.chat(model="house/m-1")
    assert alice.say(chat, scripted(status=400)).status_code == 502
    assert complete(alice, key_of(alice), scripted(status=400)).status_code == 502

    assert alice.say(chat, "x").status_code == 201


def test_a_month_is_the_sum_of_its_days(alice: Person, fake: FakeProvider) -> None:
    limit(user_id=alice.id, unit="messages", period="month", amount=2)
    assert alice.say(alice.chat(model="house/m-1"), "x").status_code == 201
    row = day_of(alice)
    first = row.day.replace(day=1)
    earlier = first if first != row.day else None
    if earlier is None:  # on the first of a month there is no earlier day in it
        pytest.skip("there is no earlier day in this month")
    Counter.objects.create(subject=row.subject, day=earlier, starts_at=row.starts_at - timedelta(days=9),
                           ends_at=row.starts_at - timedelta(days=8), messages=1)  # fmt: skip

    assert alice.say(alice.chat(model="house/m-1"), "x").status_code == 429


def test_a_lost_process_has_used_what_it_held(alice: Person, fake: FakeProvider) -> None:
    """The sweep of any process ends it; nobody knows what it came to, but it was no more."""
    limit(user_id=alice.id, amount=10**9)
    alice.say(alice.chat(model="house/m-1"), "x")
    before, row = day_of(alice), Hold(
        id=uuid.uuid4(), kind="completion", user_id=alice.id, counter=day_of(alice).pk, counters=[day_of(alice).pk],
        day=timezone.now().date(), provider="house", model="m-1", tokens=70, cost=700, messages=1, running=1,
        begun_at=timezone.now(), lease_until=timezone.now() - timedelta(seconds=1),
    )  # fmt: skip
    Counter.objects.filter(pk=before.pk).update(held_tokens=70, held_cost=700, running=1)
    row.save()
    eventually(lambda: not Hold.objects.filter(pk=row.pk).exists())

    after = day_of(alice)
    assert (after.tokens - before.tokens, after.cost - before.cost) == (70, 700)
    assert (after.held_tokens, after.held_cost, after.running) == (0, 0, 0)
    assert booked(alice).get(error=holds.LOST).cost == 700


def test_what_waits_for_a_word_holds_nothing_and_holds_anew_when_it_goes_on(
    alice: Person, fake: FakeProvider, settings
) -> None:
    settings.DEFAULT_TOOLS = ("all",)
    bound = limit(user_id=alice.id, amount=10**9)
    chat = alice.chat(model="house/m-1")
    mail = {"calls": [{"name": "send_mail", "arguments": {"to": "ada@example.org"}}]}
    with own_tools():
        reply = alice.say(chat, scripted(steps=[mail, {"text": "Sent."}])).json()["reply"]
        assert reply["state"] == "waiting"
        assert nothing_held()
        assert reply["cost"] == day_of(alice).cost == spent(fake)
        [call] = [part["id"] for part in reply["parts"] if part["type"] == "tool_call"]
        path = f"/api/chats/{chat}/messages/{reply['id']}/approvals/"
        word = {"approvals": [{"call": call, "approved": True}]}

        Limit.objects.filter(pk=bound.pk).update(amount=1)
        assert is_refusal(alice.post(path, word), 429)
        assert alice.messages(chat)[-1]["state"] == "waiting", "it waits still"
        Limit.objects.filter(pk=bound.pk).update(amount=10**9)
        done = alice.post(path, word).json()["reply"]

    assert (done["state"], done["content"]) == ("complete", "Sent.")
    assert done["cost"] == day_of(alice).cost == spent(fake)
    assert nothing_held()


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[str]]]:
    """Every round trip of raw SQL that writes in this process, as the statements that it takes."""
    sent, run_all = list[list[str]](), common.sql.run_all

    def noted(statements: Any) -> Any:
        sent.append([sql for sql, _ in statements])
        return run_all(statements)

    for module in (accept, ends, allowance, writes, counters):
        monkeypatch.setattr(module, "run_all", noted)
    return sent


def test_without_limits_a_turn_takes_no_further_round_trip(alice: Person, fake: FakeProvider, trips: Any) -> None:
    chat = alice.chat(model="house/m-1")
    alice.say(chat, "the day is opened")
    trips.clear()
    alice.say(chat, "Hello")

    begun, done = [trip for trip in trips if any(sql.startswith("UPDATE usage_counter") for sql in trip)]
    assert any(sql.startswith("INSERT INTO chats_turn") for sql in begun), "counted as the turn is recorded"
    assert any(sql.startswith("UPDATE chats_turn") for sql in done), "booked as it ends"
    assert [sql.split()[0] for sql in done if "usage_" in sql] == ["INSERT", "UPDATE"]
    assert not any("held" in sql and sql.startswith("UPDATE usage_counter SET held") for trip in trips for sql in trip)


# --- what people see -----------------------------------------------------------------------------------------------
def test_usage_by_day_model_and_chat_sums_to_the_same(alice: Person, bob: Person, fake: FakeProvider) -> None:
    chats = [alice.chat(model="house/m-1"), alice.chat(model="house/m-2")]
    for chat in chats:
        alice.say(chat, "Hello")
    bob.say(bob.chat(model="house/m-1"), "Hello")
    alice.http.delete(f"/api/chats/{chats[0]}/")

    answers = {by: alice.get("/api/usage/", params={"by": by}).json() for by in ("day", "model", "chat", "day,model")}
    mine = fake.requests()[:2]
    for by, answer in answers.items():
        assert sum(row["cost"] for row in answer["results"]) == answer["total"]["cost"] == sum(map(price_of, mine)), by
        assert answer["is_complete"]
    assert {row["model"] for row in answers["model"]["results"]} == {"house/m-1", "house/m-2"}
    assert {row["chat"] for row in answers["chat"]["results"]} == set(chats)
    assert len(answers["day"]["results"]) == 1


@pytest.mark.parametrize(
    "query",
    ["by=week", "from=yesterday", "from=2026-02-30", "from=2026-05-02&to=2026-05-01", "from=0001-01-01",
     "to=9999-12-31", "from=2024-01-01&to=2026-01-01", "by=day,%00"],
)  # fmt: skip
def test_what_no_usage_can_be_asked_by_is_refused(alice: Person, query: str) -> None:
    assert is_refusal(alice.get(f"/api/usage/?{query}"), 400)


def test_limits_tell_what_is_used_held_and_left(alice: Person, fake: FakeProvider, settings) -> None:
    settings.DAILY_MESSAGES = 5
    limit(user_id=alice.id, amount=10**9, period="month", name="The month")
    chat = alice.chat(model="house/m-1")
    alice.say(chat, "Hello")
    begin(alice, chat, scripted(chunks=["some text ", "more"], stall_after=1))

    shown = {row["name"]: row for row in alice.get("/api/limits/").json()}
    assert (shown["Messages a day"]["used"], shown["Messages a day"]["left"]) == (2, 3)
    month = shown["The month"]
    assert month["used"] == day_of(alice).cost > 0
    assert month["held"] == day_of(alice).held_cost > 0
    assert month["left"] == 10**9 - month["used"] - month["held"]
    assert month["reset_at"] > shown["Messages a day"]["reset_at"][:7]
    alice.post(f"/api/chats/{chat}/stop/")


def test_completions_say_what_is_left(alice: Person, fake: FakeProvider, settings) -> None:
    settings.DAILY_MESSAGES = 5
    limit(user_id=alice.id, amount=10**9)
    key = key_of(alice)
    for left, body in enumerate([{"stream": True}, {}, {"store": True}], start=1):
        headers = complete(alice, key, "Hello", **body).headers
        assert headers["x-ratelimit-remaining-requests"] == str(5 - left)
        assert headers["x-ratelimit-limit-requests"] == "5"
        assert 0 < int(headers["x-ratelimit-remaining-cost"]) < 10**9
        assert headers["x-ratelimit-reset-requests"].endswith("s")


def test_a_timeline_has_attempts_and_tools(alice: Person, bob: Person, fake: FakeProvider, settings) -> None:
    settings.DEFAULT_TOOLS = ("all",)
    chat = alice.chat(model="house/m-1")
    with own_tools():
        look = {"calls": [{"name": "look_up", "arguments": {"word": "tide"}}]}
        reply = alice.say(chat, scripted(steps=[look, {"text": "Done."}])).json()["reply"]

    path = f"/api/chats/{chat}/messages/{reply['id']}/timeline/"
    shown = alice.get(path).json()
    assert [row["error"] for row in shown["attempts"]] == ["", ""]
    assert sum(row["cost"] for row in shown["attempts"]) == shown["cost"] == reply["cost"] == spent(fake)
    assert [tool["name"] for tool in shown["tools"]] == ["look_up"]
    assert shown["started_at"] <= shown["attempts"][0]["begun_at"] <= shown["attempts"][0]["first_text_at"]
    assert shown["attempts"][-1]["ended_at"] <= shown["ended_at"]
    assert bob.get(path).status_code == 404
    assert is_refusal(alice.get(f"/api/chats/{chat}/messages/{uuid.uuid4()}/timeline/"), 404)
