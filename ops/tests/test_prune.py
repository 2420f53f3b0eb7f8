"""`manage.py prune`: what has had its time goes, in batches; what has not stays."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application, RefreshToken
from oauth2_provider.models import Grant as Code

from accounts.models import ApiKey, MailToken, Session, SocketTicket, User
from accounts.oauth.models import AppGrant
from chats.models import Change, Chat, Message, Role, State, Turn
from common.models import Task
from files.models import File, Space
from ops import retention
from usage.models import Attempt, Counter

pytestmark = pytest.mark.django_db(transaction=True)
NOW = timezone.now()
AGES = {"old": timedelta(days=400), "new": timedelta(0)}


def make_accounts(user: User, name: str, age: timedelta) -> None:
    session = Session.objects.create(user=user, expires_at=NOW - age + timedelta(days=14), user_agent=name)
    ApiKey.objects.create(user=user, session=session, name=name, prefix=name, hash=name)
    ticket_of = session if name == "new" else Session.objects.create(user=user, expires_at=NOW + timedelta(1))
    SocketTicket.objects.create(session=ticket_of, hash=name, expires_at=NOW - age + timedelta(hours=1))
    purpose = MailToken.Purpose.RESET if name == "old" else MailToken.Purpose.CONFIRM
    until = NOW - age + timedelta(hours=1)
    MailToken.objects.create(
        user=user, purpose=purpose, hash=name, email="a@b.de", credential_epoch=1, expires_at=until
    )


def make_oauth(user: User, app: Any, name: str, age: timedelta) -> None:
    until = NOW - age + timedelta(hours=1)
    Code.objects.create(
        user=user, code=name, application=app, expires=until, redirect_uri="https://a.example", scope=""
    )
    grant = AppGrant.objects.create(
        user=user, application=app, code_hash=name, code_used_at=NOW - age, expires_at=until
    )
    access = AccessToken.objects.create(user=user, token=name, application=app, expires=until)
    RefreshToken.objects.create(
        user=user, token=name, application=app, access_token=access, token_family=grant.pk
    )  # fmt: skip


def make_chats(user: User, name: str, age: timedelta) -> None:
    at = NOW - age
    chat = Chat.objects.create(owner=user, title=name, created_at=at, updated_at=at)
    values = {"chat": chat, "state": State.COMPLETE, "created_at": at}
    question, reply = (Message.objects.create(number=n, role=role, **values) for n, role in enumerate(Role, 1))
    Turn.objects.create(
        chat=chat, number=1, user=user, question=question, reply=reply, state=State.COMPLETE, key=name, started_at=at
    )
    Change.objects.create(user=user, kind="chat", chat=chat.pk, at=at)


def make_others(user: User, name: str, age: timedelta) -> None:
    at = NOW - age
    Task.objects.create(task_path=name, status="FAILED", finished_at=at)
    File.objects.create(
        owner_id=user.pk, sha256=name, name=name, media_type="text/plain", size=1, state="ready", created_at=at,
        expires_at=at + timedelta(hours=1),
    )  # fmt: skip
    Counter.objects.create(subject=name, day=at.date(), starts_at=at, ends_at=at)
    Attempt.objects.create(
        user=user, day=at.date(), kind="reply", provider=name, model="m", begun_at=at, ended_at=at, tokens_in=0,
        tokens_out=0, tokens_cached=0, tokens_reasoning=0, estimated=False, cost=0,
    )  # fmt: skip


@pytest.fixture
def user() -> User:
    """Return somebody with one row of each kind that has had its time, and one that has not."""
    user = User.objects.create_user("ada@example.org", "correct horse battery 9")
    app = Application.objects.create(name="app", client_type="public", authorization_grant_type="authorization-code")
    Space.objects.create(owner_id=user.pk, size=2, files=2)
    for name, age in AGES.items():
        make_accounts(user, name, age)
        make_oauth(user, app, name, age)
        make_chats(user, name, age)
        make_others(user, name, age)
    return user


def prune(capsys: Any, *options: str) -> dict[str, int]:
    call_command("prune", *options)
    rows = (line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    return {name: int(count.replace(",", "")) for count, name in rows}


def counts() -> dict[str, int]:
    kept: list[type[models.Model]] = [
        SocketTicket, MailToken, ApiKey, Session, Code, AppGrant, AccessToken, RefreshToken, Change, Task, File,
        Counter, Attempt,
    ]  # fmt: skip
    keys = Turn.objects.exclude(key=None).count()
    return {**{model._meta.label: model._default_manager.count() for model in kept}, "keys": keys}


def test_what_has_had_its_time_goes_and_nothing_else(user: User, capsys: Any, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = str(tmp_path)
    before = counts()
    would = prune(capsys, "--dry-run")
    assert counts() == before, "a dry run deletes nothing"
    settings.USAGE_KEEP_DAYS = 100
    would = prune(capsys, "--dry-run")
    gone = prune(capsys)

    each = {name: count for name, count in gone.items() if not name.startswith("in all")}
    assert {**each, "in all would go": sum(each.values())} == would
    assert set(each.values()) == {1, 0}
    assert each["browser sessions"] == 0
    after = counts()
    assert after.pop("accounts.Session") == before.pop("accounts.Session") - 1
    assert set(after.values()) == {1}
    assert Chat.objects.count() == 2
    assert Message.objects.count() == 4
    assert Space.objects.get().size == 1
    assert sum(prune(capsys).values()) == 0


def test_usage_stays_unless_told(user: User, capsys: Any, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = str(tmp_path)
    assert "attempts" not in prune(capsys)
    assert Attempt.objects.count() == 2

    assert prune(capsys, "--usage-before", str(date.today() - timedelta(days=90)))["attempts"] == 1
    assert Attempt.objects.get().provider == "new"


@pytest.mark.parametrize("day", ["yesterday", str(datetime.now(UTC).date() - timedelta(days=30))])
def test_what_limits_need_cannot_be_deleted(day: str) -> None:
    with pytest.raises(CommandError, match="--usage-before"):
        call_command("prune", "--usage-before", day)


def test_batches_are_bounded(user: User, capsys: Any) -> None:
    """With more rows than one statement deletes there are several transactions."""
    session = Session.objects.filter(expires_at__gt=NOW).first()
    more = retention.AT_ONCE + 1
    tickets = [SocketTicket(hash=f"h{n}", session=session, expires_at=NOW - timedelta(1)) for n in range(more)]
    SocketTicket.objects.bulk_create(tickets)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert prune(capsys)["socket tickets"] == more + 1

    deleting = [each["sql"] for each in asked if each["sql"].startswith('DELETE FROM "accounts_socketticket"')]
    assert len(deleting) >= 2
