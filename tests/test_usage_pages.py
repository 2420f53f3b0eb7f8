"""What was used, as people and staff see it: their own, and everybody's by user, group, model and day."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client as Browser
from django.utils import timezone

from accounts.models import User
from usage.models import Attempt, Limit

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery 9"
REPORT = "/admin/usage/attempt/report/"
UNIT = 1_000_000


def user(name: str, **fields: Any) -> User:
    return User.objects.create_user(f"{name}@example.org", PASSWORD, is_email_confirmed=True, **fields)


def signed_in(one: User) -> Browser:
    browser = Browser()
    browser.force_login(one, "accounts.backends.EmailBackend")
    return browser


def attempt(one: User | None, cost: int, day: date | None = None, model: str = "m-1", **values: Any) -> Attempt:
    now = timezone.now()
    return Attempt.objects.create(
        user=one, day=day or now.date(), kind="reply", provider="house", model=model, begun_at=now, ended_at=now,
        **{"tokens_in": 10, "tokens_out": 5, "tokens_cached": 0, "tokens_reasoning": 0, "estimated": False, **values},
        cost=cost,
    )  # fmt: skip


def text(html: bytes) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html.decode()).split())


def columns(html: bytes) -> list[str]:
    return re.findall(r"<rect [^>]*><title>([^<]*)</title>", html.decode())


def test_people_see_their_own_usage_and_what_is_left() -> None:
    ada, bob = user("ada"), user("bob")
    today = timezone.now().date()
    attempt(ada, 2 * UNIT, today, "m-1")
    attempt(ada, 500_000, today - timedelta(days=3), "m-2")
    attempt(bob, 99 * UNIT, today, "m-3")
    Limit.objects.create(name="Pocket money", user=ada, unit="cost", period="day", amount=3 * UNIT)

    page = signed_in(ada).get(f"/usage/?from={today - timedelta(days=10)}&to={today}")

    said = text(page.content)
    assert page.status_code == 200
    assert "2.50 USD" in said
    assert "house/m-1" in said
    assert "house/m-2" in said
    assert "house/m-3" not in said
    assert "Pocket money" in said
    assert columns(page.content) == [f"{today - timedelta(days=3)}: 0.50 USD", f"{today}: 2.00 USD"]
    assert "<script>" not in page.content.decode()
    assert " style=" not in page.content.decode()


def test_without_prices_tokens_are_plotted() -> None:
    ada = user("ada")
    attempt(ada, 0)

    assert columns(signed_in(ada).get("/usage/").content)[0].endswith(": 15 tokens")


def test_a_new_account_has_used_nothing_yet() -> None:
    assert "Nothing was used." in text(signed_in(user("ada")).get("/usage/").content)


def test_nobody_else_gets_in() -> None:
    assert Browser().get("/usage/").status_code == 302
    assert signed_in(user("ada")).get(REPORT).status_code == 302
    assert signed_in(user("bea", is_staff=True)).get(REPORT).status_code == 403
    assert Browser().post("/usage/").status_code == 405


@pytest.mark.parametrize("query", ["from=x", "to=2026-02-30", "from=0001-01-01", "from=2001-01-01", "from=%00"])
def test_days_that_cannot_be_shown_are_refused_in_words(query: str) -> None:
    page = signed_in(user("ada")).get(f"/usage/?{query}")
    assert page.status_code == 400
    assert b'role="alert"' in page.content


def test_staff_see_usage_by_user_group_model_and_day(staff: Browser) -> None:
    ada, bob = user("ada"), user("bob")
    group = Group.objects.create(name="The lab")
    ada.groups.add(group)
    attempt(ada, 3 * UNIT, model="m-1")
    attempt(ada, UNIT, model="m-2")
    attempt(bob, 2 * UNIT, model="m-1")
    attempt(None, UNIT // 2, model="m-1")

    def shown(query: str) -> list[tuple[str, str]]:
        page = staff.get(f"{REPORT}?{query}")
        assert page.status_code == 200
        rows = re.findall(r'<th scope="row">(.*?)</th>(.*?)</tr>', page.content.decode(), re.DOTALL)
        return [(text(name.encode()), re.findall(r"[\d.]+ USD", rest)[0]) for name, rest in rows]

    assert shown("") == [("ada@example.org", "4.00 USD"), ("bob@example.org", "2.00 USD"), ("–", "0.50 USD")]
    assert shown("by=model") == [("house/m-1", "5.50 USD"), ("house/m-2", "1.00 USD")]
    assert ("The lab", "4.00 USD") in shown("by=group")
    assert shown("by=day") == [(str(timezone.now().date()), "6.50 USD")]
    assert shown(f"by=model&user={ada.pk}") == [("house/m-1", "3.00 USD"), ("house/m-2", "1.00 USD")]
    assert shown(f"by=user&group={group.pk}") == [("ada@example.org", "4.00 USD")]
    assert shown("by=user&model=house/m-2") == [("ada@example.org", "1.00 USD")]
    assert "6.50 USD, 60 tokens" in text(staff.get(REPORT).content)


@pytest.fixture
def staff() -> Browser:
    one = user("staff", is_staff=True)
    one.user_permissions.set(Permission.objects.filter(codename="view_attempt"))
    return signed_in(one)


def test_rows_lead_to_what_they_are_made_of(staff: Browser) -> None:
    ada = user("ada")
    attempt(ada, UNIT, model="m <b>&amp;")
    page = staff.get(f"{REPORT}?by=model").content.decode()
    [address] = re.findall(r'<a href="([^"]*model=house[^"]*)">', page)

    assert "m <b>" not in page
    assert "ada@example.org" in staff.get(REPORT + address.replace("&amp;", "&")).content.decode().replace("%40", "@")


@pytest.mark.parametrize(
    "query", ["by=hour", "user=x", "user=0", "group=99999999999999999999", "model=%00", "from=1999-01-01", "to=x"]
)
def test_what_no_report_can_be_asked_for_is_refused(staff: Browser, query: str) -> None:
    assert staff.get(f"{REPORT}?{query}").status_code == 400


def test_a_report_takes_few_statements(staff: Browser, django_assert_max_num_queries: Any) -> None:
    for number in range(20):
        attempt(user(f"u{number}"), number)
    with django_assert_max_num_queries(8):
        staff.get(REPORT)
