"""Staff name providers and models in the admin, and nobody ever sees a key again."""

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import User
from chats.tests.helpers import fake as scripted
from common.secrets import unseal
from conftest import Person
from llm.catalog import catalog
from llm.environment import make_rows
from llm.models import Model, Provider
from llm.offers import config_of
from llm.testing import FakeProvider
from llm.testing.record import mask
from llm.tests.rows import live_rows, provider

__all__ = ["live_rows"]
pytestmark = pytest.mark.usefixtures("live_rows")
KEY = "sk-entered-by-staff-0123456789"
EMPTY_INLINE = {"modelgroup_set-TOTAL_FORMS": 0, "modelgroup_set-INITIAL_FORMS": 0}
ANSWER = {"label": "", "order": 100, "quirks": "{}"}


@pytest.fixture
def staff(live: str) -> Iterator[Browser]:
    user = User.objects.create_superuser(f"root-{User.objects.count()}@example.org", "correct horse battery 9")
    browser = Browser()
    browser.force_login(user, "accounts.backends.EmailBackend")
    yield browser
    user.delete()


def page(row: Any, name: str = "change") -> str:
    return reverse(f"admin:llm_{row._meta.model_name}_{name}", args=[row.pk])


def errors(answer: Any) -> dict[str, list[str]]:
    return dict(answer.context["adminform"].form.errors)


def said(answer: Any) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


def add_provider(staff: Browser, **values: Any) -> Any:
    form = {**ANSWER, "name": "house", "adapter": "openai_chat", "enabled": "on", **values}
    return staff.post(reverse("admin:llm_provider_add"), form)


def change_provider(staff: Browser, row: Provider, **values: Any) -> Any:
    form = {**ANSWER, "adapter": row.adapter, "base_url": row.base_url, **values}
    return staff.post(page(row), form)


def test_a_provider_is_added_with_quirks_and_answers(staff: Browser, alice: Person, fake: FakeProvider) -> None:
    answer = add_provider(staff, base_url=fake.openai_base_url, key=KEY, quirks='{"wants_reasoning_content": true}')
    assert answer.status_code == 302, errors(answer)
    row = Provider.objects.get(name="house")

    listed = staff.post(page(row, "models"))
    assert "gpt-5.6-sol" in listed.content.decode()
    added = staff.post(page(row, "models"), {"model": ["gpt-5.6-sol", "gpt-6-luna"]}, follow=True)
    assert "Added: 2" in said(added)
    assert "answers" in said(staff.post(page(row, "test"), follow=True))

    reply = alice.say(alice.chat(), "hello", model="house/gpt-5.6-sol").json()["reply"]
    assert (reply["state"], reply["provider"]) == ("complete", "house")
    assert fake.requests()[-1]["headers"]["authorization"] == mask(f"Bearer {KEY}")


def test_two_quirks_change_what_a_server_is_sent(staff: Browser, alice: Person, fake: FakeProvider) -> None:
    quirks = {"refuses_stream_options": True, "wants_max_tokens": True}
    add_provider(staff, base_url=fake.openai_base_url, quirks=json.dumps(quirks))
    staff.post(page(Provider.objects.get(name="house"), "models"), {"model": "gpt-6-luna"})

    answer = alice.say(alice.chat(), "hello", model="house", settings={"max_output": 50})

    assert answer.json()["reply"]["state"] == "complete"
    body = fake.requests()[-1]["body"]
    assert body["max_tokens"] == 50
    assert not {"stream_options", "max_completion_tokens"} & set(body)


def test_a_user_goes_through_all_dialects_that_staff_have_named(
    staff: Browser, alice: Person, fake: FakeProvider
) -> None:
    addresses = {"openai_chat": "/v1", "openai_responses": "/v1", "anthropic": "", "gemini": "/v1beta"}
    for adapter, path in addresses.items():
        name = adapter.replace("_", "-")
        answer = add_provider(staff, name=name, adapter=adapter, base_url=fake.url + path, key=KEY)
        assert answer.status_code == 302, errors(answer)
        row = Provider.objects.get(name=name)
        staff.post(page(row, "models"), {"model": f"model-of-{name}"})
        assert "answers" in said(staff.post(page(row, "test"), follow=True)), adapter
    chat = alice.chat()
    names = [adapter.replace("_", "-") for adapter in addresses]

    replies = [alice.say(chat, "hello", model=name).json()["reply"] for name in (*names, *reversed(names))]

    assert [reply["provider"] for reply in replies] == [*names, *reversed(names)]
    assert {reply["state"] for reply in replies} == {"complete"}


def test_what_is_wrong_with_a_provider_is_said(staff: Browser) -> None:
    make_rows()
    wrong = [
        ({"name": "No Good"}, "name"), ({"name": "openai"}, "name"), ({"name": "x" * 21}, "name"),
        ({"base_url": "ftp://x"}, "base_url"), ({"adapter": ""}, "adapter"), ({"adapter": "smoke"}, "adapter"),
        ({"quirks": "{"}, "quirks"), ({"quirks": '{"none": 1}'}, "quirks"), ({"quirks": "[1]"}, "quirks"),
        ({"key": "two words"}, "key"), ({"key": "ümlaut"}, "key"), ({"order": "-1"}, "order"),
    ]  # fmt: skip
    for values, field in wrong:
        answer = add_provider(staff, **values)
        assert answer.status_code == 200, values
        assert list(errors(answer)) == [field], values
    assert add_provider(staff, quirks="").status_code == 302
    assert not Provider.objects.filter(name="No Good").exists()


ODD_QUIRKS = [
    "5", '"x"', "true", "[" * 100_000, '{"a":' * 100_000, '{"wants_max_tokens": 1' + "0" * 40 + "}",
    '{"wants_max_tokens": ' + "9" * 5000 + "}", '{"wants_max_tokens": "\\ud800"}', '{"\\ud800": 1}', '{"a\\u0000": 1}',
    '{"wants_max_tokens": NaN}', '{"wants_max_tokens": 1e999}', '{"wants_max_tokens": null}',
]  # fmt: skip


@pytest.mark.parametrize("quirks", ODD_QUIRKS, ids=range(len(ODD_QUIRKS)))
def test_quirks_of_any_shape_are_refused_in_words(staff: Browser, quirks: str) -> None:
    answer = add_provider(staff, quirks=quirks)

    assert answer.status_code == 200
    assert list(errors(answer)) == ["quirks"]


def test_a_key_stays_until_it_is_replaced_or_forgotten(staff: Browser) -> None:
    add_provider(staff, base_url="http://127.0.0.1:9/v1", key=KEY)
    row = Provider.objects.get(name="house")

    for values, expected in (({"label": "x"}, KEY), ({"key": "sk-2"}, "sk-2"), ({"without_key": "on"}, "")):
        assert change_provider(staff, row, **values).status_code == 302
        row.refresh_from_db()
        assert unseal(row.sealed_key) == expected


@pytest.mark.parametrize("moved", [{"base_url": "http://evil.test/v1"}, {"base_url": ""}, {"adapter": "gemini"}])
def test_a_stored_key_goes_to_no_other_address(staff: Browser, moved: dict[str, str]) -> None:
    add_provider(staff, base_url="http://127.0.0.1:9/v1", key=KEY)
    row = Provider.objects.get(name="house")

    assert list(errors(change_provider(staff, row, **moved))) == ["key"]
    row.refresh_from_db()
    assert row.base_url == "http://127.0.0.1:9/v1"
    assert change_provider(staff, row, **moved, key="sk-new").status_code == 302


def test_a_test_says_what_failed(staff: Browser, fake: FakeProvider) -> None:
    row = provider("house", ("m",))
    assert "Nothing answers" in said(staff.post(page(row, "test"), follow=True))
    assert "Nothing answers" in said(staff.post(page(row, "models"), follow=True))
    assert "Nothing answers" in said(staff.post(page(row.models.get(), "test"), follow=True))
    Provider.objects.update(base_url="")
    assert "neither a key nor an address" in said(staff.post(page(row, "test"), follow=True))
    Provider.objects.update(base_url=f"{fake.url}/nowhere")
    assert "does not know the address" in said(staff.post(page(row, "test"), follow=True))
    for name in ("test", "models"):
        assert staff.get(page(row, name)).status_code == 405


def test_who_loses_a_model_is_shown_before_it_goes(staff: Browser, alice: Person, fake: FakeProvider) -> None:
    row = provider("barn", ("mammoth",), base_url=fake.openai_base_url)
    Model.objects.filter(model_id="mammoth").update(aliases=["moby"])
    model = row.models.get()
    for name in ("barn/mammoth", "mammoth", "moby"):
        alice.chat(model=name)
    alice.http.patch("/api/profile/", json={"preferred_model": "barn"})

    for target, people in ((model, 0), (row, 1)):
        for shown in (staff.get(page(target, "switch")), staff.get(page(target, "delete"))):
            text = shown.content.decode()
            assert "3 chats that remember it" in text
            assert ("1 people who prefer it" in text) == bool(people)
    assert "3 chats" in staff.get(page(model)).content.decode()
    assert catalog().is_known("mammoth")

    answer = staff.post(page(model, "switch"), {"enabled": "false"}, follow=True)
    assert "is off" in said(answer)
    assert not catalog().is_known("mammoth")
    staff.post(page(model, "switch"), {"enabled": "false"})
    assert not catalog().is_known("mammoth")
    staff.post(page(model, "switch"), {"enabled": "true"})
    assert catalog().is_known("mammoth")


def test_what_the_environment_names_cannot_be_deleted(staff: Browser) -> None:
    make_rows()
    openai = Provider.objects.get(name="openai")

    assert staff.post(page(openai, "delete"), {"post": "yes"}).status_code == 403
    assert staff.post(page(openai.models.all()[0], "delete"), {"post": "yes"}).status_code == 403
    old = Model.objects.create(provider=openai, model_id="named-once", from_environment=True)
    assert staff.post(page(old, "delete"), {"post": "yes"}).status_code == 302


def test_a_vendor_takes_a_key_of_its_own(staff: Browser, settings: Any) -> None:
    settings.OPENAI_BASE_URL = settings.OPENAI_API_KEY = ""
    make_rows()
    row = Provider.objects.get(name="openai")
    assert "none in the environment" in staff.get(page(row)).content.decode()

    assert change_provider(staff, row, key=KEY).status_code == 302

    row.refresh_from_db()
    config, is_usable = config_of(None, row)
    assert (config.key, config.base_url, is_usable) == (KEY, "", True)


def change_model(staff: Browser, row: Model, **values: Any) -> Any:
    form = {"label": "", "order": 100, "aliases": "", "fallbacks": "", "efforts": "", **EMPTY_INLINE, **values}
    return staff.post(page(row), form)


def test_a_model_is_described(staff: Browser) -> None:
    row = provider("house", ("big", "small"))
    big, small = row.models.order_by("model_id")
    group = Group.objects.create(name=f"few {row.pk}")
    values = {
        "aliases": "whale, blue whale", "fallbacks": "house/small", "efforts": "low, high", "tools": "true",
        "images": "false", "context_tokens": 1000, "input_price": 1250000, "default": "on",
        "modelgroup_set-TOTAL_FORMS": 1, "modelgroup_set-0-group": group.pk,
    }  # fmt: skip

    answer = change_model(staff, big, **values)

    assert answer.status_code == 302, errors(answer)
    found = catalog().resolve("whale")
    assert (found.abilities.tools, found.abilities.images, found.abilities.files) == (True, False, None)
    assert (found.abilities.efforts, found.fallbacks) == (("low", "high"), ("house/small",))
    assert (found.prices.input, found.prices.output, found.abilities.context_tokens) == (1250000, None, 1000)
    assert found.groups == {group.pk}
    shown = staff.get(page(big)).content.decode()
    assert "whale, blue whale" in shown
    assert group.name in staff.get(reverse("admin:llm_model_changelist")).content.decode()

    assert change_model(staff, small, default="on", efforts="-").status_code == 302
    assert [each.model_id for each in Model.objects.filter(default=True)] == ["small"]
    assert catalog().resolve("small").abilities.efforts == ()
    assert list(errors(change_model(staff, small, aliases="x" * 201))) == ["aliases"]


def test_what_is_known_is_shown(staff: Browser, settings: Any) -> None:
    settings.OPENAI_BASE_URL = ""
    make_rows()
    luna = Model.objects.get(model_id="gpt-6-luna")

    text = staff.get(page(luna)).content.decode()

    assert "context_tokens 1,050,000" in text
    assert "input_price 100,000" in text


def test_no_key_is_anywhere(
    staff: Browser, alice: Person, fake: FakeProvider, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    settings.OPENAI_API_KEY = "sk-of-the-environment-987"
    make_rows()
    seen = [add_provider(staff, base_url=fake.openai_base_url, key=KEY)]
    row = Provider.objects.get(name="house")
    seen.append(change_provider(staff, row, base_url="", key=KEY, order="x"))  # shown again with what was wrong
    seen.append(staff.post(page(row, "models"), {"model": ["gpt-6-luna"]}))
    model = row.models.get()
    for one in (row, Provider.objects.get(name="openai")):
        seen += [staff.get(page(one, name)) for name in ("change", "history", "delete", "switch")]
        seen += [staff.post(page(one, name), follow=True) for name in ("test", "models")]
    seen += [staff.get(page(model)), staff.get(reverse("admin:llm_provider_changelist")), staff.get("/admin/")]
    chat = alice.chat(model="house/gpt-6-luna")
    for script in ({}, {"status": 401, "error_code": "invalid_api_key"}, {"status": 500}, {"cut_after": 1}):
        seen.append(alice.say(chat, scripted(**script)))
    seen += [alice.get("/api/models/"), alice.get(f"/api/chats/{chat}/messages/"), alice.get("/api/schema/")]
    Provider.objects.filter(pk=row.pk).update(base_url="http://[::1/v1")
    seen.append(staff.post(page(row, "test"), follow=True))

    dumped = io.StringIO()
    call_command("dumpdata", "llm", "admin", stdout=dumped)
    config, _ = config_of(None, Provider.objects.get(pk=row.pk))
    history = json.dumps(list(LogEntry.objects.values_list("change_message", "object_repr")))
    texts = [answer.content.decode(errors="replace") for answer in seen]
    texts += [dumped.getvalue(), history, caplog.text, repr(config), str(config), repr(row), repr(row.__dict__)]

    assert config.key == KEY
    assert re.search('"sealed_key": "gAAAA', dumped.getvalue())
    for secret in (KEY, "sk-of-the-environment-987"):
        assert not [text[:200] for text in texts if secret in text]
    sealed = Provider.objects.get(pk=row.pk).sealed_key
    assert not [text[:200] for text in texts[: len(seen)] if sealed in text]
