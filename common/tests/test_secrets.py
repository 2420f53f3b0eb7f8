"""What is sealed opens with the server's keys alone, and moves on to newer ones."""

import pytest
from pytest_django import Settings

from common.secrets import Unreadable, resealed, seal, unseal

OLD, NEW = "old-" + "o" * 40, "new-" + "n" * 40


def test_a_text_comes_back_and_is_nowhere_in_its_token() -> None:
    token = seal("sk-a-key ü")

    assert unseal(token) == "sk-a-key ü"
    assert "sk-a-key" not in token
    assert seal("sk-a-key ü") != token
    assert seal("") == unseal("") == ""


@pytest.mark.parametrize("token", ["x", "gAAAAA", "\0", "ü", "sk-plain-text"])
def test_what_was_not_sealed_here_is_unreadable(token: str) -> None:
    with pytest.raises(Unreadable):
        unseal(token)


def test_keys_can_be_brought_in_added_and_taken_away(settings: Settings) -> None:
    settings.SECRETS_KEYS = ()
    first = seal("a")
    settings.SECRETS_KEYS = (OLD,)
    second = seal("b")
    settings.SECRETS_KEYS = (NEW, OLD)

    assert (unseal(first), unseal(second)) == ("a", "b")
    moved = resealed(second)
    settings.SECRETS_KEYS = (NEW,)
    assert unseal(moved) == "b"
    with pytest.raises(Unreadable):
        unseal(second)


def test_another_secret_key_does_not_open(settings: Settings) -> None:
    token = seal("a")
    settings.SECRET_KEY = "another-" + "z" * 50

    with pytest.raises(Unreadable):
        unseal(token)
