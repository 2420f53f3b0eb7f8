"""The admin holds everybody to their permissions: every page, action and field of every model registered in it."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db import models
from django.test import Client as Browser
from django.urls import URLPattern, reverse
from django.utils import timezone
from oauth2_provider.models import Application

from accounts.models import Session, User
from accounts.security.network import ClientInfo
from accounts.services.sessions import start_session
from chats.models import Assistant, Chat, Feedback, Message, Turn
from common.admin import StaffAdmin
from common.models import Task
from common.secrets import seal
from common.testing import run_due_tasks
from llm.models import Model, Provider
from notes.models import Note
from streamchat.models import Channel, Reply
from usage.models import Attempt, Counter, Limit

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery 9"
SECRETS = (
    "password",
    "current_hash",
    "previous_hash",
    "client_secret",
    "fingerprint",
    "key",
    "digest",
    "content",
    "sealed_key",
)
# What staff with every permission but no superuser may write; whatever a model gets beside these has to be decided on.
EDITABLE = {
    User: {"email", "username", "is_active"},
    Application: {"name"},
    Provider: {"label", "adapter", "base_url", "key", "without_key", "quirks", "order"},
    Model: {
        "label", "aliases", "fallbacks", "order", "default", "tools", "images", "files", "structured_output",
        "sampling", "efforts", "context_tokens", "max_output_tokens", "input_price", "output_price",
        "cached_input_price",
    },
    Assistant: {"name", "description", "group", "model", "settings"},
    Limit: {"name", "user", "group", "key", "is_shared", "model", "unit", "period", "amount", "enabled"},
}  # fmt: skip
ADMINS = sorted(admin.site._registry.values(), key=lambda each: each.opts.label)
REGISTERED = pytest.mark.parametrize("page", ADMINS, ids=lambda page: page.opts.label_lower)


def person(name: str, *permissions: str, **fields: Any) -> User:
    user = User.objects.create_user(f"{name}@example.org", PASSWORD, is_email_confirmed=True, **fields)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def every(*kinds: str) -> list[str]:
    """Return the permissions of these kinds on all models that have a page, and on what is shown in one."""
    registered = [page.opts.model_name for page in ADMINS] + ["profile"]
    return [f"{kind}_{name}" for kind in kinds for name in registered]


def rows(owner: User) -> dict[Any, Any]:
    """Make one row of every registered model; a new model is to be added here."""
    now = timezone.now()
    chat = Chat.objects.create(owner=owner, title="A chat", created_at=now, updated_at=now)
    message = Message.objects.create(chat=chat, number=1, role="user", content="secret words", created_at=now)
    reply = Message.objects.create(
        chat=chat, number=2, role="assistant", content="said", created_at=now, parent=message
    )
    turn = Turn(chat=chat, user=owner, number=1, key=f"key-{uuid.uuid4()}", fingerprint="f" * 64, started_at=now,
                question=message, reply=reply)  # fmt: skip
    turn.save()
    note = Note.objects.create(owner=owner, title="A note", content="noted words", length=11, folded="noted",
                               digest=uuid.uuid4().hex, created_at=now, updated_at=now)  # fmt: skip
    channel = Channel.objects.create(cid=f"messaging:{owner.pk}", chat=chat.pk, owner=owner, created_at=now)
    client = Application.objects.create(name="An app", client_type="confidential", client_secret="s3cret-of-an-app",
                                        authorization_grant_type="authorization-code",
                                        redirect_uris="https://app.example/back")  # fmt: skip
    group = Group.objects.create(name=f"group of {owner.pk}")
    feedback = Feedback.objects.create(message=reply, chat=chat, value=1, comment="words on a reply")
    provider = Provider.objects.create(name="elsewhere", adapter="openai_chat", base_url="http://127.0.0.1:9/v1",
                                       sealed_key=seal("sk-of-elsewhere"))  # fmt: skip
    assistant = Assistant.objects.create(name="For everyone", settings={"system": "Be brief."})
    made = [feedback, assistant, provider, Model.objects.create(provider=provider, model_id="m-1"), owner,
            start_session(owner, ClientInfo()), chat, turn, note, channel, client, group,
            Reply.objects.create(channel=channel, asker="ada", command="gpt", created_at=now),
            Task.objects.create(task_path="nowhere.at_all", queue_name="default", status="FAILED"),
            Counter.objects.create(subject=f"user:{owner.pk}", day=now.date(), starts_at=now, ends_at=now, messages=3),
            Limit.objects.create(name="a limit", user=owner, unit="cost", period="day", amount=10**12),
            Attempt.objects.create(user=owner, day=now.date(), kind="reply", provider="p", model="m", begun_at=now,
                                   ended_at=now, tokens_in=1, tokens_out=1, tokens_cached=0, tokens_reasoning=0,
                                   estimated=False, cost=1)]  # fmt: skip
    return {type(row): row for row in made}


def signed_in(user: User) -> Browser:
    browser = Browser()
    browser.force_login(user, "accounts.backends.EmailBackend")
    return browser


def everything() -> dict[str, list[dict[str, Any]]]:
    """Return all that is stored, but what signing in and looking leave behind."""
    left_out = {"sessions.Session"}
    return {
        model._meta.label: sorted(map(repr, model._default_manager.values()))  # type: ignore[misc]
        for model in [*apps.get_models(), User.groups.through, User.user_permissions.through, Group.permissions.through]
        if model._meta.label not in left_out and model._meta.managed
    }


def addresses(page: Any, row: Any) -> Iterator[tuple[str, str]]:
    """Return name and address of each page of a model, for one row."""
    for pattern in page.get_urls():
        if isinstance(pattern, URLPattern) and pattern.name:
            arguments = [row.pk] if pattern.pattern.converters else []
            yield pattern.name, reverse(f"admin:{pattern.name}", args=arguments)


def forms(page: Any, row: Any) -> list[dict[str, Any]]:
    """Return what may be posted to a model's pages: every action, and every field."""
    actions = [name for _, name, _ in page._get_base_actions()] + ["no_such_action", ""]
    fields = {field.name: "1" for field in page.opts.get_fields() if not field.auto_created}
    password = {"password1": "a new passphrase 9", "password2": "a new passphrase 9", "usable_password": "true"}
    chosen = {"_selected_action": [row.pk], "post": "yes", "index": 0}
    across = {**chosen, "select_across": "1"}
    return [*({"action": name, **form} for name in actions for form in (chosen, across)), {**fields, **password}]


@pytest.fixture
def things() -> dict[Any, Any]:
    made = rows(person("ordinary"))
    assert set(made) == {page.model for page in ADMINS}
    return made


@REGISTERED
def test_every_page_is_of_our_making_and_every_action_names_its_permission(page: Any) -> None:
    assert isinstance(page, StaffAdmin)
    for action, name, _ in page._get_base_actions():
        assert action.allowed_permissions, name


@REGISTERED
def test_view_only_staff_change_nothing(page: Any, things: dict[Any, Any], mailoutbox: Any) -> None:
    browser = signed_in(person("viewer", *every("view"), is_staff=True))
    target = things[page.model]
    User.objects.filter(pk=things[User].pk).update(is_email_confirmed=False)  # so that a mail could be sent
    before = everything()

    for name, address in addresses(page, target):
        assert browser.get(address).status_code in (200, 403), address
        for form in forms(page, target):
            assert browser.post(address, form).status_code == 403, (name, form)

    run_due_tasks()
    assert everything() == before
    assert mailoutbox == []


@REGISTERED
def test_staff_without_permissions_see_nothing(page: Any, things: dict[Any, Any]) -> None:
    browser = signed_in(person("nobody", is_staff=True))

    for _, address in addresses(page, things[page.model]):
        assert browser.get(address).status_code == 403
        assert browser.post(address, {}).status_code == 403


@REGISTERED
def test_fields_that_grant_rights_are_for_superusers(page: Any, things: dict[Any, Any], rf: Any) -> None:
    request = rf.get("/")
    request.user = person("editor", *every("view", "add", "change", "delete"), is_staff=True)
    target = things[page.model]

    writable = set()
    if page.has_change_permission(request, target):
        shown = {name for _, options in page.get_fieldsets(request, target) for name in options["fields"]}
        writable = shown - set(page.get_readonly_fields(request, target))

    assert writable == EDITABLE.get(page.model, set())


@REGISTERED
def test_no_page_shows_a_secret_or_answers_questions_about_one(page: Any, things: dict[Any, Any]) -> None:
    browser = signed_in(person("root", is_staff=True, is_superuser=True))
    target = things[page.model]
    hidden = [str(value) for name in SECRETS if (value := getattr(target, name, None))]

    for name, address in addresses(page, target):
        text = browser.get(address).content.decode()
        assert not [value for value in hidden if value in text], name
    listing = reverse(f"admin:{page.opts.app_label}_{page.opts.model_name}_changelist")
    for field in page.opts.get_fields():
        lookups = [f"{field.name}__startswith", f"{field.name}__isnull"]
        if isinstance(field, models.ForeignKey) and field.related_model is User:
            lookups += [f"{field.name}__password__startswith"]
        for lookup in lookups:
            if field.name not in page.list_filter:
                assert browser.get(listing, {lookup: "1"}).status_code == 400, lookup


def test_filters_that_are_shown_work(things: dict[Any, Any]) -> None:
    browser = signed_in(person("root", is_staff=True, is_superuser=True))

    for page in ADMINS:
        listing = reverse(f"admin:{page.opts.app_label}_{page.opts.model_name}_changelist")
        for name in page.list_filter:
            own = getattr(name, "parameter_name", None)
            for lookup in (own,) if own else (f"{name}__exact", f"{name}__isnull"):
                assert browser.get(listing, {lookup: "1"}).status_code in (200, 302), lookup
            for kind in () if own else ("regex", "iregex", "contains", "startswith", "in", "year__gte__regex"):
                assert browser.get(listing, {f"{name}__{kind}": "(a+)+$"}).status_code == 400, kind


# --- Editors of users ---
EDITOR = every("view", "add", "change", "delete")


@pytest.fixture
def editor() -> User:
    group = Group.objects.create(name="editors")
    group.permissions.set(Permission.objects.filter(codename__in=EDITOR))
    user = person("editor", is_staff=True)
    user.groups.add(group)
    return user


def superuser() -> User:
    return person("root", is_staff=True, is_superuser=True)


def sleeping_superuser() -> User:
    return person("sleeper", is_superuser=True, is_active=False)


def stronger() -> User:
    return person("stronger", "view_user", "delete_logentry", is_staff=True)


def stronger_by_group() -> User:
    group = Group.objects.create(name="strong")
    group.permissions.set(Permission.objects.filter(codename="delete_logentry"))
    user = person("grouped", is_staff=True)
    user.groups.add(group)
    return user


def stronger_but_closed() -> User:
    return person("closed", "delete_logentry", is_staff=True, is_active=False)


SUPERIORS = [superuser, sleeping_superuser, stronger, stronger_by_group, stronger_but_closed]


def change_form(user: User, **values: Any) -> dict[str, Any]:
    profile = {"TOTAL_FORMS": 1, "INITIAL_FORMS": 1, "0-id": user.profile.pk, "0-user": user.pk, "0-timezone": "UTC"}
    return {
        **{f"profile-{name}": value for name, value in profile.items()},
        "sessions-TOTAL_FORMS": 0,
        "sessions-INITIAL_FORMS": 0,
        "email": user.email,
        "username": "",
        "is_active": "on",
        **values,
    }


def all_rights() -> dict[str, Any]:
    return {
        "is_staff": "on",
        "is_superuser": "on",
        "is_email_confirmed": "on",
        "groups": list(Group.objects.values_list("pk", flat=True)),
        "user_permissions": list(Permission.objects.values_list("pk", flat=True)),
    }


@pytest.mark.parametrize("make", SUPERIORS)
def test_nobody_acts_upon_people_with_more_rights(editor: User, make: Callable[[], User]) -> None:
    superior = make()
    session = Session.objects.create(user=superior, expires_at=timezone.now())
    browser = signed_in(editor)
    before = everything()
    pages = {type(row): admin.site._registry[type(row)] for row in (superior, session)}

    for row in (superior, session):
        for name, address in addresses(pages[type(row)], row):
            if name.endswith("_add"):
                continue
            for form in [*forms(pages[type(row)], row), change_form(superior, email="taken@example.org")]:
                if form.get("action") == "" or ("action" not in form and name.endswith("_changelist")):
                    continue  # says that nothing was chosen
                assert browser.post(address, form).status_code == 403, (name, form)

    assert everything() == before


def test_one_superior_among_the_chosen_spoils_an_action(editor: User) -> None:
    weak, strong = person("weak"), superuser()
    browser = signed_in(editor)

    for action in ("deactivate", "resend_confirmation", "delete_selected"):
        form = {"action": action, "_selected_action": [weak.pk, strong.pk], "post": "yes"}
        assert browser.post("/admin/accounts/user/", form).status_code == 403
    weak.refresh_from_db()
    assert weak.is_active


def rights() -> Any:
    people = User.objects.order_by("pk")
    return [
        (user.is_staff, user.is_superuser, user.is_email_confirmed, user.get_all_permissions()) for user in people
    ], list(Group.permissions.through.objects.order_by("pk").values())


def test_editors_raise_nobodys_rights_their_own_neither(editor: User) -> None:
    ordinary, peer = person("ordinary"), person("peer", "view_user", is_staff=True)
    User.objects.filter(pk=ordinary.pk).update(is_email_confirmed=False)
    before, browser = rights(), signed_in(editor)

    for user in (ordinary, peer, editor):
        form = change_form(user, **all_rights())
        assert browser.post(f"/admin/accounts/user/{user.pk}/change/", form).status_code == 302
    assert rights() == before

    made = {"email": "made@example.org", "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    assert browser.post("/admin/accounts/user/add/", {**made, **all_rights()}).status_code == 302
    new = User.objects.get(email="made@example.org")
    assert (new.is_staff, new.is_superuser, new.is_email_confirmed) == (False, False, False)
    assert new.get_all_permissions() == set()


def test_editors_do_their_work(editor: User) -> None:
    ordinary = person("ordinary")
    session = start_session(ordinary, ClientInfo())
    browser, address = signed_in(editor), f"/admin/accounts/user/{ordinary.pk}"

    assert browser.post(f"{address}/change/", change_form(ordinary, username="name")).status_code == 302
    ordinary.refresh_from_db()
    assert (ordinary.username, ordinary.is_email_confirmed) == ("name", True)
    end = {"action": "end", "_selected_action": [session.pk]}
    assert browser.post("/admin/accounts/session/", end).status_code == 302
    assert not Session.objects.alive().filter(user=ordinary).exists()
    new = {"usable_password": "true", "password1": "another passphrase 9", "password2": "another passphrase 9"}
    assert browser.post(f"{address}/password/", new).status_code == 302
    assert User.objects.get(pk=ordinary.pk).check_password("another passphrase 9")
    chosen = {"action": "deactivate", "_selected_action": [ordinary.pk]}
    assert browser.post("/admin/accounts/user/", chosen).status_code == 302
    assert not User.objects.get(pk=ordinary.pk).is_active
    assert browser.post(f"{address}/delete/", {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=ordinary.pk).exists()


def test_an_address_that_an_editor_puts_in_is_not_confirmed(editor: User) -> None:
    ordinary = person("ordinary")
    address = f"/admin/accounts/user/{ordinary.pk}/change/"

    assert signed_in(editor).post(address, change_form(ordinary, email="chief@example.org")).status_code == 302
    ordinary.refresh_from_db()
    assert (ordinary.email, ordinary.is_email_confirmed) == ("chief@example.org", False)


def test_ones_own_password_is_not_set_without_the_old_one() -> None:
    for user in (superuser(), person("editor", *EDITOR, is_staff=True)):
        new = {"usable_password": "true", "password1": "another passphrase 9", "password2": "another passphrase 9"}
        answer = signed_in(user).post(f"/admin/accounts/user/{user.pk}/password/", new)
        assert answer.headers["Location"] == "/accounts/password/"
        assert User.objects.get(pk=user.pk).check_password(PASSWORD)


@pytest.mark.parametrize("action", ["delete_selected", None])
def test_superusers_delete_people_with_all_that_they_have(things: dict[Any, Any], action: str | None) -> None:
    ordinary, browser = things[User], signed_in(superuser())
    address = "/admin/accounts/user/" if action else f"/admin/accounts/user/{ordinary.pk}/delete/"

    form = {"post": "yes", "action": action, "_selected_action": [ordinary.pk]} if action else {"post": "yes"}
    assert browser.post(address, form).status_code == 302
    assert not User.objects.filter(pk=ordinary.pk).exists()


def test_staff_with_the_permission_delete_chats_that_have_turns(things: dict[Any, Any]) -> None:
    staff = person("remover", "view_chat", "delete_chat", is_staff=True)
    chat, browser = things[Chat], signed_in(staff)
    address = f"/admin/chats/chat/{chat.pk}/delete/"

    shown = browser.get(address)
    assert (shown.status_code, b'name="post"' in shown.content) == (200, True)
    assert browser.post(address, {"post": "yes"}).status_code == 302
    assert not Chat.objects.filter(pk=chat.pk).exists()


def test_staff_with_the_permissions_delete_people_who_have_turns(things: dict[Any, Any], editor: User) -> None:
    ordinary, browser = things[User], signed_in(editor)
    address = f"/admin/accounts/user/{ordinary.pk}/delete/"

    shown = browser.get(address)
    assert (shown.status_code, b'name="post"' in shown.content) == (200, True)
    assert browser.post(address, {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=ordinary.pk).exists()


# --- Clients and groups ---
def test_only_superusers_make_clients_and_secrets(things: dict[Any, Any], editor: User) -> None:
    client, browser = things[Application], signed_in(editor)
    before = everything()

    form = {"name": "Mine", "client_type": "confidential", "redirect_uris": "https://evil.example/"}
    assert browser.post("/admin/oauth2_provider/application/add/", form).status_code == 403
    chosen = {"action": "new_secret", "_selected_action": [client.pk]}
    assert browser.post("/admin/oauth2_provider/application/", chosen).status_code == 403
    assert everything() == before

    change = f"/admin/oauth2_provider/application/{client.pk}/change/"
    assert browser.post(change, {**form, "client_type": "public"}).status_code == 302
    client.refresh_from_db()
    assert (client.name, client.client_type, client.redirect_uris) == (
        "Mine",
        "confidential",
        "https://app.example/back",
    )


def test_only_superusers_touch_groups(editor: User) -> None:
    group, browser = editor.groups.get(), signed_in(editor)
    before = everything()

    form = {"name": "mine", "permissions": list(Permission.objects.values_list("pk", flat=True))}
    for page in ("add/", f"{group.pk}/change/", f"{group.pk}/delete/"):
        assert browser.post(f"/admin/auth/group/{page}", {**form, "post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [group.pk], "post": "yes"}
    assert browser.post("/admin/auth/group/", chosen).status_code == 403
    assert everything() == before
    assert signed_in(superuser()).post(f"/admin/auth/group/{group.pk}/change/", form).status_code == 302
