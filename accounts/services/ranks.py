"""Who may act upon whom."""

from django.contrib.auth.models import Permission
from django.db.models import Q, QuerySet

from accounts.models import User


def subordinate(actor: User, users: QuerySet[User]) -> QuerySet[User]:
    """Keep those who have no right that the actor lacks; what deactivated people had counts, since it may come back."""
    if actor.is_superuser:
        return users
    own = Permission.objects.filter(Q(user=actor) | Q(group__user=actor))
    beyond = Permission.objects.exclude(pk__in=own.values("pk"))
    superior = Q(is_superuser=True) | Q(user_permissions__in=beyond) | Q(groups__permissions__in=beyond)
    return users.exclude(pk__in=User.objects.filter(superior).values("pk"))
