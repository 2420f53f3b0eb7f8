"""The small parts: cutting texts, folding deltas, system checks, the admin, the fake's own strictness."""

import time
from typing import Any

import httpx
import pytest
from django.core.checks import run_checks

from accounts.models import User
from streamchat.reply_poster import cut_to, shown
from streamchat.testing import FakeStream
from streamchat.tests.conftest import Friends
from streamchat.wording import MOST_MESSAGES, TOO_LONG, in_messages


def test_a_text_is_cut_at_the_ends_of_lines_and_loses_nothing(settings: Any) -> None:
    settings.STREAM_MESSAGE_CHARS = 100
    text = "\n".join(f"line {number} of a long text" for number in range(40))
    parts = in_messages(text)

    assert "".join(parts) == text
    assert all(len(part) <= 100 for part in parts)
    assert all(part.endswith("\n") for part in parts[:-1])


def test_a_text_without_lines_is_cut_anywhere(settings: Any) -> None:
    settings.STREAM_MESSAGE_CHARS = 100

    assert [len(part) for part in in_messages("x" * 250)] == [100, 100, 50]
    assert in_messages("") == [""]
    assert in_messages("x" * 100) == ["x" * 100]


def test_a_text_without_end_ends(settings: Any) -> None:
    settings.STREAM_MESSAGE_CHARS = 100
    parts = in_messages("x" * 100_000)

    assert len(parts) == MOST_MESSAGES + 1
    assert parts[-1] == TOO_LONG


def test_deltas_are_cut_to_where_the_next_begins() -> None:
    parts = [(0, "reasoning", "Hm. "), (4, "text", "Hello"), (9, "text", " there")]

    assert cut_to(parts, 15) == parts
    assert cut_to(parts, 6) == [(0, "reasoning", "Hm. "), (4, "text", "He")]
    assert cut_to(parts, 4) == [(0, "reasoning", "Hm. ")]
    assert shown(parts, 100) == "Hello there"
    assert shown(parts, 7) == "Hello t"


def found(settings: Any, **values: Any) -> set[str | None]:
    for name, value in values.items():
        setattr(settings, name, value)
    return {each.id for each in run_checks() if str(each.id).startswith("streamchat")}


def test_checks_name_what_would_go_wrong(settings: Any) -> None:
    assert found(settings) == set()
    assert found(settings, STREAM_API_KEY="key") == {"streamchat.E001"}
    assert found(settings, STREAM_API_SECRET="secret", STREAM_BOT_ID="parley-7") == {"streamchat.E002"}
    assert found(settings, STREAM_BOT_ID="bot", STREAM_COMMANDS={"ask": "nobody"}) == {"streamchat.E003"}


def test_staff_see_what_the_bot_owes(friends: Friends, client: Any) -> None:
    friends.ask("hello")
    staff = User.objects.create_superuser(f"staff{time.time_ns()}@example.org", "correct horse battery 9")
    client.force_login(staff, backend="accounts.backends.EmailBackend")

    for path in ("/admin/streamchat/reply/", "/admin/streamchat/channel/"):
        page = client.get(path)
        assert page.status_code == 200
        assert friends.cid.encode() in page.content
        assert client.get(f"{path}add/").status_code == 403


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ({}, {}),
        ({"api_key": "another"}, {"stream-auth-type": "jwt", "Authorization": "x"}),
        ({"api_key": FakeStream.key}, {"Authorization": "x"}),
        ({"api_key": FakeStream.key}, {"stream-auth-type": "jwt", "Authorization": "x"}),
    ],
)
def test_the_fake_lets_in_nobody_without_the_credentials(
    stream: FakeStream, query: dict[str, str], headers: dict[str, str]
) -> None:
    answer = httpx.get(f"{stream.url}/api/v2/chat/commands", params=query, headers=headers)

    assert answer.status_code == 401
    assert stream.calls() == []
