"""What the accounts app announces and chats answer."""

from collections.abc import Mapping
from typing import Any

from django.dispatch import receiver

from accounts.signals import access_revoked, account_deleting, profile_changing
from chats.models import ToolGrant
from chats.services.chats import delete_all_chats
from chats.services.open_models import open_models
from common.errors import Invalid
from llm.catalog import NO_SUCH_MODEL


@receiver(account_deleting)
def forget_chats(*, user_id: int, **_: Any) -> None:
    delete_all_chats(user_id)


@receiver(access_revoked)
def forget_grants(*, user_id: int, **_: Any) -> None:
    ToolGrant.objects.filter(chat__owner_id=user_id).delete()


@receiver(profile_changing)
def require_known_model(*, user_id: int, values: Mapping[str, Any], **_: Any) -> None:
    if (name := values.get("preferred_model")) and not open_models(user_id).is_known(name):
        raise Invalid(errors={"preferred_model": [NO_SUCH_MODEL]})
