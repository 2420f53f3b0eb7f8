"""What users say about themselves."""

import pytest

pytestmark = pytest.mark.django_db


def test_a_new_profile_is_empty_and_in_utc(as_alice):
    assert as_alice.get("/api/profile/").json() == {
        "first_name": "",
        "last_name": "",
        "avatar": None,
        "timezone": "UTC",
        "locale": "",
        "preferred_model": "",
    }


def test_a_profile_is_changed_field_by_field_and_returned_exactly(as_alice):
    name = "  Zoë\n‎أليس 👩‍💻 "
    answer = as_alice.patch("/api/profile/", {"first_name": name, "timezone": "Australia/Lord_Howe"})

    assert answer.json()["first_name"] == name
    assert as_alice.patch("/api/profile/", {"preferred_model": "demo"}).json()["timezone"] == "Australia/Lord_Howe"
    assert as_alice.get("/api/profile/").json()["first_name"] == name


@pytest.mark.parametrize("body", [
    {"timezone": "Mars/Olympus"},
    {"timezone": "europe/berlin"},
    {"timezone": "../../etc/passwd"},
    {"timezone": ""},
    {"timezone": None},
    {"timezone": "UTC\x00"},
    {"locale": "en_US"},
    {"locale": "german-and-english"},
    {"locale": "d"},
    {"locale": "de-"},
    {"locale": "dé"},
    {"locale": " de"},
    {"locale": "de\x00"},
    {"locale": "de-" + "abcde-" * 6},
    {"locale": None},
    {"locale": 7},
    {"first_name": "x" * 151},
    {"first_name": 7},
    {"first_name": ["x"]},
    {"last_name": "\ud800"},
    {"preferred_model": {}},
    {"preferred_model": "no/such"},
    {"first_nam": "misspelt"},
])  # fmt: skip
def test_what_cannot_be_stored_is_refused_at_its_field(as_alice, body):
    answer = as_alice.send("patch", "/api/profile/", body)

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == list(body)


def test_only_documented_fields_are_written(as_alice, alice, bob):
    body = {"user": bob.pk, "id": 99, "avatar": "../x", "email": "x@example.com", "is_staff": True, "is_active": False}
    for path, more in (("/api/profile/", {}), ("/api/users/self/", {"is_superuser": True, "password": "x"})):
        answer = as_alice.patch(path, body | more)
        assert (answer.status_code, set(answer.json()["errors"])) == (400, set(body | more))
    as_alice.patch("/api/users/self/", {"username": "alice2"})

    alice.refresh_from_db()
    assert (alice.email, alice.is_staff, alice.is_superuser, alice.is_active) == (
        "alice@example.com",
        False,
        False,
        True,
    )
    assert alice.username == "alice2"
    assert alice.profile.avatar == ""


def test_a_username_can_be_changed_and_given_up_but_not_taken(as_alice, bob):
    assert as_alice.patch("/api/users/self/", {"username": "BOB"}).json()["errors"]["username"]
    assert as_alice.patch("/api/users/self/", {"username": "Alice.B"}).json()["username"] == "Alice.B"
    assert as_alice.patch("/api/users/self/", {"username": None}).json()["username"] is None
    assert as_alice.patch("/api/users/self/", {}).status_code == 200


@pytest.mark.parametrize("path", ["users/self", "profile", "sessions"])
def test_addresses_work_without_the_trailing_slash(as_alice, path):
    assert as_alice.get(f"/api/{path}").json() == as_alice.get(f"/api/{path}/").json()


@pytest.mark.parametrize(("tag", "written"), [
    ("DE", "de"), ("pt-br", "pt-BR"), ("ZH-hant-tw", "zh-Hant-TW"), ("es-419", "es-419"), ("", ""),
    ("sl-ROZAJ-biske", "sl-rozaj-biske"), ("de-CH-1996-u-co-phonebk", "de-CH-1996-u-co-phonebk"),
    ("en-x-mine", "en-x-mine"),
])  # fmt: skip
def test_a_locale_is_kept_as_it_is_usually_written(as_alice, tag, written):
    assert as_alice.patch("/api/profile/", {"locale": tag}).json()["locale"] == written
    assert as_alice.get("/api/profile/").json()["locale"] == written


@pytest.mark.parametrize(("header", "expected"), [
    ("", ""), ("*", ""), ("de", "de"), ("fr;q=0.5, pt-BR;q=0.9, *;q=0.1", "pt-BR"), ("%%%, nl", ""), ("de_DE", ""),
    ("x" * 5000, ""), ("\xff\x00", ""),
])  # fmt: skip
def test_a_new_account_has_the_first_language_of_its_browser(api, header, expected):
    body = {"email": "new@example.com", "password": "correct horse battery 9"}

    answer = api.post("/api/register/", body, HTTP_ACCEPT_LANGUAGE=header)

    assert answer.status_code == 201
    assert api.bear(answer.json()["access"]).get("/api/profile/").json()["locale"] == expected
