"""Personal API keys: shown once, hashed at rest, revoked at once, good under /v1 and nowhere else."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.utils import timezone

from accounts.models import ApiKey, Session
from conftest import PASSWORD, Person


def make_key(person: Person, **values: Any) -> dict[str, Any]:
    answer = person.post("/api/keys/", {"name": "laptop", **values})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def models(live: str, key: str) -> httpx.Response:
    return httpx.get(f"{live}/v1/models", headers={"Authorization": f"Bearer {key}"})


def test_a_key_is_shown_once_and_only_its_hash_is_kept(alice: Person) -> None:
    made = make_key(alice)

    listed = alice.get("/api/keys/").json()["results"]
    row = ApiKey.objects.get(pk=made["id"])
    assert made["key"].startswith(made["prefix"])
    assert made["key"] not in str(listed)
    assert listed == [{name: value for name, value in made.items() if name != "key"}]
    assert made["key"][len(made["prefix"]) :] not in str(row.__dict__)
    assert made["scopes"] == ["models:read", "chat:complete", "chat:store"]


def test_a_revoked_key_is_refused_at_the_next_request(live: str, alice: Person) -> None:
    made = make_key(alice)
    assert models(live, made["key"]).status_code == 200

    assert alice.http.delete(f"/api/keys/{made['id']}/").status_code == 204

    answer = models(live, made["key"])
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"
    assert alice.http.delete(f"/api/keys/{made['id']}/").status_code == 404
    assert alice.get("/api/keys/").json()["results"] == []


def test_a_key_expires(live: str, alice: Person) -> None:
    made = make_key(alice, expires_at=(timezone.now() + timedelta(hours=1)).isoformat())
    assert models(live, made["key"]).status_code == 200

    Session.objects.filter(api_key=made["id"]).update(expires_at=timezone.now() - timedelta(seconds=1))

    assert models(live, made["key"]).status_code == 401


def test_the_last_use_is_noted_once_a_minute(live: str, alice: Person) -> None:
    made = make_key(alice)
    assert made["last_used_at"] is None
    models(live, made["key"])
    first = ApiKey.objects.get(pk=made["id"]).last_used_at
    models(live, made["key"])
    assert ApiKey.objects.get(pk=made["id"]).last_used_at == first

    ApiKey.objects.filter(pk=made["id"]).update(last_used_at=timezone.now() - timedelta(minutes=2))
    models(live, made["key"])

    again = ApiKey.objects.get(pk=made["id"]).last_used_at
    assert first is not None
    assert again is not None
    assert again > first


@pytest.mark.parametrize("path", ["/api/users/self/", "/api/chats/", "/api/keys/", "/api/models/"])
def test_a_key_opens_nothing_under_api(path: str, live: str, alice: Person) -> None:
    key = make_key(alice)["key"]

    assert httpx.get(f"{live}{path}", headers={"Authorization": f"Bearer {key}"}).status_code == 401


def test_an_access_token_is_no_key(live: str, alice: Person) -> None:
    assert models(live, alice.token).status_code == 401


def test_a_key_does_only_what_it_was_made_for(live: str, alice: Person) -> None:
    key = make_key(alice, scopes=["models:read"])["key"]

    answer = httpx.post(
        f"{live}/v1/chat/completions",
        headers={"Authorization": f"Bearer {key}"},
        json={"model": "openai", "messages": [{"role": "user", "content": "hi"}]},
    )

    assert models(live, key).status_code == 200
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "insufficient_scope"


def test_a_new_password_ends_every_key(live: str, alice: Person) -> None:
    key = make_key(alice)["key"]

    answer = alice.post("/api/change-password/", {"old_password": PASSWORD, "new_password": "another good one 7"})

    assert answer.status_code == 200, answer.text
    assert models(live, key).status_code == 401


def test_keys_are_the_owners_alone(alice: Person, bob: Person) -> None:
    made = make_key(alice)

    assert bob.get("/api/keys/").json()["results"] == []
    assert bob.http.delete(f"/api/keys/{made['id']}/").status_code == 404
    assert len(alice.get("/api/sessions/").json()["results"]) == 1


@pytest.mark.parametrize(
    "values",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"name": "n", "scopes": ["everything"]},
        {"name": "n", "scopes": []},
        {"name": "n", "scopes": "models:read"},
        {"name": "n", "scopes": {"models:read": False}},
        {"name": "n", "expires_at": "2001-01-01T00:00:00Z"},
        {"name": "n\0"},
    ],
)
def test_a_bad_form_is_refused(values: dict[str, Any], alice: Person) -> None:
    assert alice.post("/api/keys/", values).status_code == 400


def test_an_unconfirmed_account_makes_no_keys(alice: Person, settings: Any) -> None:
    settings.REQUIRE_CONFIRMED_EMAIL = True

    assert alice.post("/api/keys/", {"name": "n"}).json()["code"] == "email_not_confirmed"
