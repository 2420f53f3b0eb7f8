"""What the accounts app announces: counters go with whom they count. Attempts stay, without a name."""

from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Q
from django.db.models.signals import post_delete
from django.dispatch import receiver

from accounts.models import ApiKey
from accounts.signals import account_deleting
from usage.models import Attempt, Counter


@receiver(account_deleting)
def forget_counters(*, user_id: int, **_: Any) -> None:
    keys = [f"key:{key}" for key in ApiKey.objects.filter(user=user_id).values_list("pk", flat=True)]
    Counter.objects.filter(Q(subject=f"user:{user_id}") | Q(subject__in=keys)).delete()
    Attempt.objects.filter(user=user_id).update(user=None, key=None)


@receiver(post_delete, sender=Group)
def forget_group(*, instance: Group, **_: Any) -> None:
    Counter.objects.filter(subject=f"group:{instance.pk}").delete()
