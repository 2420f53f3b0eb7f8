"""What accounts and files announce and chats answer."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.dispatch import receiver

from accounts.models import Profile
from accounts.signals import access_revoked, account_deleting, profile_changing
from chats.changes import log_file_change
from chats.models import Assistant, Chat, ToolGrant
from chats.services.chats import delete_all_chats
from chats.services.open_models import open_models
from common.errors import Invalid
from files.signals import file_changed
from llm.catalog import NO_SUCH_MODEL
from llm.signals import counting_uses


@receiver(account_deleting)
def forget_chats(*, user_id: int, **_: Any) -> None:
    delete_all_chats(user_id)


@receiver(access_revoked)
def forget_grants(*, user_id: int, **_: Any) -> None:
    ToolGrant.objects.filter(chat__owner_id=user_id).delete()


@receiver(counting_uses)
def count_uses(*, names: Sequence[str], **_: Any) -> dict[str, int]:
    return {
        "people who prefer it": Profile.objects.filter(preferred_model__in=names).count(),
        "chats that remember it": Chat.objects.filter(model__in=names).count(),
        "assistants that name it": Assistant.objects.filter(model__in=names).count(),
    }


@receiver(profile_changing)
def require_known_model(*, user_id: int, values: Mapping[str, Any], **_: Any) -> None:
    if (name := values.get("preferred_model")) and not open_models(user_id).is_known(name):
        raise Invalid(errors={"preferred_model": [NO_SUCH_MODEL]})


@receiver(file_changed)
def note_file(*, owner_id: int, file_id: UUID, **_: Any) -> None:
    log_file_change(owner_id, file_id)
