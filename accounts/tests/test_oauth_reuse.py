"""A code works once, a refresh token once and a little longer; reuse ends what came from it. In parallel, too."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import time_machine
from django.conf import settings as own
from django.utils import timezone
from oauth2_provider.models import AccessToken, RefreshToken

from accounts.oauth.models import AppGrant
from accounts.oauth.resource_server import api_resource, grant_for
from accounts.tests.oauth_actors import App, Browser

PARALLEL = 8


def at_once(call: Callable[[], httpx.Response]) -> list[httpx.Response]:
    with ThreadPoolExecutor(PARALLEL) as pool:
        return [found.result() for found in [pool.submit(call) for _ in range(PARALLEL)]]


def works(token: str) -> bool:
    return grant_for(token, api_resource()) is not None


def test_a_replayed_code_ends_what_it_gave(browser: Browser, chatgpt: App) -> None:
    code = browser.allow(chatgpt)["code"]
    tokens = chatgpt.exchange(code).json()
    later = chatgpt.refresh(tokens["refresh_token"]).json()
    assert works(later["access_token"])

    assert chatgpt.exchange(code).json()["error"] == "invalid_grant"

    assert not works(later["access_token"])
    assert chatgpt.refresh(later["refresh_token"]).json()["error"] == "invalid_grant"
    assert chatgpt.exchange(code).json()["error"] == "invalid_grant"


def test_a_replay_ends_nothing_else(browser: Browser, chatgpt: App) -> None:
    other = chatgpt.exchange(browser.allow(chatgpt)["code"]).json()
    code = browser.allow(chatgpt)["code"]
    for _ in range(2):
        chatgpt.exchange(code)

    assert works(other["access_token"])


def test_of_parallel_exchanges_of_a_code_at_most_one_succeeds(browser: Browser, chatgpt: App) -> None:
    code = browser.allow(chatgpt)["code"]
    before = AccessToken.objects.count()

    answers = at_once(lambda: chatgpt.exchange(code))

    assert sorted(answer.status_code for answer in answers) == [200] + [400] * (PARALLEL - 1)
    assert {answer.json()["error"] for answer in answers if answer.status_code == 400} == {"invalid_grant"}
    won = next(answer.json() for answer in answers if answer.status_code == 200)
    assert not works(won["access_token"])  # the others were replays
    assert AccessToken.objects.count() == before


def test_parallel_refreshes_get_one_successor(browser: Browser, chatgpt: App) -> None:
    tokens = chatgpt.exchange(browser.allow(chatgpt)["code"]).json()

    answers = [answer.json() for answer in at_once(lambda: chatgpt.refresh(tokens["refresh_token"]))]

    assert len({answer["refresh_token"] for answer in answers}) == 1
    assert len({answer["access_token"] for answer in answers}) == 1
    assert works(answers[0]["access_token"])
    assert chatgpt.refresh(answers[0]["refresh_token"]).status_code == 200


def test_a_lost_answer_can_be_had_again(browser: Browser, chatgpt: App) -> None:
    tokens = chatgpt.exchange(browser.allow(chatgpt)["code"]).json()
    lost = chatgpt.refresh(tokens["refresh_token"]).json()

    with time_machine.travel(timezone.now() + timedelta(seconds=own.OAUTH_GRACE_SECONDS - 5)):
        again = chatgpt.refresh(tokens["refresh_token"]).json()

    assert (again["access_token"], again["refresh_token"]) == (lost["access_token"], lost["refresh_token"])
    assert again["scope"] == lost["scope"]
    assert again["expires_in"] <= lost["expires_in"] - 20
    assert works(again["access_token"])


def test_after_the_grace_reuse_ends_the_family(browser: Browser, chatgpt: App) -> None:
    tokens = chatgpt.exchange(browser.allow(chatgpt)["code"]).json()
    later = chatgpt.refresh(tokens["refresh_token"]).json()

    with time_machine.travel(timezone.now() + timedelta(seconds=own.OAUTH_GRACE_SECONDS + 1)):
        assert works(later["access_token"])
        assert chatgpt.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
        assert not works(later["access_token"])
        assert chatgpt.refresh(later["refresh_token"]).json()["error"] == "invalid_grant"


def test_the_grace_is_over_once_the_successor_was_used(browser: Browser, chatgpt: App) -> None:
    first = chatgpt.exchange(browser.allow(chatgpt)["code"]).json()
    second = chatgpt.refresh(first["refresh_token"]).json()
    third = chatgpt.refresh(second["refresh_token"]).json()

    assert chatgpt.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert not works(third["access_token"])


def test_there_is_no_grace_where_there_is_none(browser: Browser, chatgpt: App, settings: Any) -> None:
    settings.OAUTH_GRACE_SECONDS = 0
    first = chatgpt.exchange(browser.allow(chatgpt)["code"]).json()
    second = chatgpt.refresh(first["refresh_token"]).json()

    assert chatgpt.refresh(first["refresh_token"]).status_code == 400
    assert not works(second["access_token"])


def test_a_change_of_the_servers_secret_breaks_no_connection(browser: Browser, chatgpt: App, settings: Any) -> None:
    first = chatgpt.exchange(browser.allow(chatgpt)["code"]).json()
    second = chatgpt.refresh(first["refresh_token"]).json()
    settings.SECRET_KEY = "another" * 10

    assert chatgpt.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"  # it cannot be computed again
    assert works(second["access_token"])
    assert chatgpt.refresh(second["refresh_token"]).status_code == 200


def test_lifetimes(browser: Browser, chatgpt: App) -> None:
    tokens = chatgpt.exchange(browser.allow(chatgpt)["code"]).json()
    start = timezone.now()

    with time_machine.travel(start + timedelta(minutes=61)):
        assert not works(tokens["access_token"])
    with time_machine.travel(start + timedelta(days=29)):
        later = chatgpt.refresh(tokens["refresh_token"])
        assert later.status_code == 200
    with time_machine.travel(start + timedelta(days=60)):
        assert chatgpt.refresh(later.json()["refresh_token"]).json()["error"] == "invalid_grant"


def test_old_rows_do_not_pile_up(browser: Browser, chatgpt: App) -> None:
    tokens = chatgpt.exchange(browser.allow(chatgpt)["code"]).json()
    family = AppGrant.objects.filter(user__email=browser.email).get().pk
    start = timezone.now()
    for days in range(0, 75, 5):
        with time_machine.travel(start + timedelta(days=days)):
            tokens = chatgpt.refresh(tokens["refresh_token"]).json()

    assert RefreshToken.objects.filter(token_family=family).count() <= 8
    assert AccessToken.objects.filter(user__email=browser.email).count() == 1


def test_unused_and_old_grants_are_swept_away(browser: Browser, chatgpt: App) -> None:
    browser.allow(chatgpt)
    used = chatgpt.exchange(browser.allow(chatgpt)["code"]).json()
    mine = AppGrant.objects.filter(user__email=browser.email)
    mine.filter(code_used_at=None).update(expires_at=timezone.now() - timedelta(minutes=1))
    mine.exclude(code_used_at=None).update(ended_at=timezone.now() - timedelta(days=31))

    browser.allow(chatgpt)

    assert mine.count() == 1
    assert not works(used["access_token"])
    assert not RefreshToken.objects.filter(user__email=browser.email).exists()
