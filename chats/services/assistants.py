"""Assistants: settings that chats begin with. One's own are changed here, those of groups and of everyone by staff."""

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.access import groups_of
from chats.errors import AssistantNotFound
from chats.models import Assistant
from common.errors import NotAllowed


def assistants_of(user_id: int) -> "QuerySet[Assistant]":
    """Return the assistants that a user may use: their own, those of their groups, those of everyone."""
    groups = groups_of(user_id)
    shared = Q(owner=None) if groups is None else Q(owner=None) & (Q(group=None) | Q(group__in=groups))
    return Assistant.objects.filter(Q(owner=user_id) | shared).select_related("group")


def get_assistant(user_id: int, assistant_id: UUID) -> Assistant:
    """Return an assistant that a user may use; raise AssistantNotFound for any other."""
    found = assistants_of(user_id).filter(pk=assistant_id).first()
    if found is None:
        raise AssistantNotFound()
    return found


def beginning(user_id: int, assistant_id: UUID) -> dict[str, Any]:
    """Return what a chat that begins with an assistant has of it."""
    found = get_assistant(user_id, assistant_id)
    return {"assistant": found.pk, "model": found.model, "settings": found.settings}


def create_assistant(owner_id: int, values: dict[str, Any]) -> Assistant:
    return Assistant.objects.create(owner_id=owner_id, **values)


def change_assistant(owner_id: int, assistant_id: UUID, values: dict[str, Any]) -> Assistant:
    """Store valid values; chats that began with it stay as they are."""
    found = _own(owner_id, assistant_id)
    Assistant.objects.filter(pk=found.pk).update(**values, updated_at=timezone.now())
    return get_assistant(owner_id, assistant_id)


def delete_assistant(owner_id: int, assistant_id: UUID) -> None:
    """Delete it; chats that began with it stay as they are."""
    _own(owner_id, assistant_id).delete()


def is_editable(assistant: Assistant, user_id: int) -> bool:
    return assistant.owner_id == user_id


def _own(owner_id: int, assistant_id: UUID) -> Assistant:
    """Return a user's own assistant; raise NotAllowed for one that they may use only."""
    found = get_assistant(owner_id, assistant_id)
    if not is_editable(found, owner_id):
        raise NotAllowed("Only staff change this assistant.")
    return found
