"""`manage.py configure_stream`: what is missing is done, what is there stays."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from streamchat.testing import FakeStream

WRITES = ("create_command", "update_type", "update_app", "users")


def configure(**options: Any) -> str:
    out = StringIO()
    call_command("configure_stream", stdout=out, **options)
    return out.getvalue()


def test_it_registers_what_is_missing_and_keeps_what_is_there(stream: FakeStream, settings: Any) -> None:
    settings.SITE_URL = "https://parley.example"
    said = configure()

    assert set(stream.state.commands) == {"giphy", "gpt", "gemini"}
    assert stream.state.types["messaging"] == ["giphy", "gpt", "gemini"]
    assert stream.state.app["custom_action_handler_url"] == "https://parley.example/webhooks/stream/?type={type}"
    assert "command /gpt: created" in said
    assert "channel type messaging: /gpt, /gemini added" in said


def test_a_second_run_changes_nothing(stream: FakeStream) -> None:
    configure()
    before = len(stream.calls(*WRITES[:3]))
    said = configure()

    assert len(stream.calls(*WRITES[:3])) == before
    assert "command /gpt: is there" in said
    assert "is set" in said


def test_a_dry_run_only_says_what_it_would_do(stream: FakeStream) -> None:
    said = configure(dry_run=True)

    assert stream.calls(*WRITES) == []
    assert "command /gpt: would be created" in said
    assert "would be set" in said


def test_it_says_what_is_wrong(stream: FakeStream, settings: Any) -> None:
    settings.STREAM_CHANNEL_TYPES = ["unknown"]
    with pytest.raises(CommandError, match="status 404"):
        configure()
    settings.STREAM_API_SECRET = "a secret of somebody else, long enough"
    with pytest.raises(CommandError, match="status 401"):
        configure()
    settings.STREAM_API_KEY = ""
    with pytest.raises(CommandError, match="STREAM_API_KEY"):
        configure()
