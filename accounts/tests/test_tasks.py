"""Background work for somebody, and in the admin."""

import pytest
from django.contrib.auth.models import Permission
from django.db import transaction
from django.test import Client

from accounts.models import User
from common.models import Task
from common.tasks import RETRY_DELAYS, Actor
from common.testing import run_due_tasks
from common.tests.sample_tasks import act, calls, fail

pytestmark = pytest.mark.django_db(transaction=True)
READY, FAILED = Task.Status.READY, Task.Status.FAILED


@pytest.fixture(autouse=True)
def _clean() -> None:
    calls.clear()


def test_a_task_for_somebody_is_void_once_the_account_is_secured() -> None:
    user = User.objects.create_user("a@example.org", "a long passphrase")
    act.enqueue_for(user.actor, "in time")
    run_due_tasks()
    with transaction.atomic():
        late = act.enqueue_for(user.actor, "late")
        nobody = act.enqueue_for(Actor(user.pk + 1, 1), "nobody")
        user.secure("signed_out_everywhere")
    run_due_tasks()

    assert calls == {f"in time for {user.pk}": 1}
    for row in (late, nobody):
        row.refresh_from_db()
        assert (row.status, row.error, row.args_kwargs["args"]) == (FAILED, "Void", [])


def test_staff_with_the_permission_have_failed_tasks_tried_again() -> None:
    with transaction.atomic():  # so that no server of the same run takes any before
        row = fail.enqueue("secret@example.org")
        void = act.enqueue_for(Actor(0, 1), "void")
        Task.objects.filter(pk=row.pk).update(attempts=len(RETRY_DELAYS))
    run_due_tasks()
    staff = User.objects.create_user("staff@example.org", "a long passphrase", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_task"))
    client = Client()
    client.force_login(staff, "accounts.backends.EmailBackend")
    address, form = "/admin/common/task/", {"action": "try_again", "_selected_action": [row.pk, void.pk]}

    for page in (client.get(address), client.get(f"{address}{row.pk}/change/")):
        assert page.status_code == 200
        assert "fail" in page.content.decode()
        assert "secret@example.org" not in page.content.decode()
    client.post(address, form)
    row.refresh_from_db()
    assert row.status == FAILED

    staff.user_permissions.add(Permission.objects.get(codename="change_task"))
    answer = client.post(address, form, follow=True)

    assert "1 tasks are tried again" in answer.content.decode()
    run_due_tasks()
    row.refresh_from_db()
    void.refresh_from_db()
    assert (row.status, row.attempts, calls["secret@example.org"]) == (READY, 1, 2)
    assert void.status == FAILED
