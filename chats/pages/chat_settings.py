"""The page of a chat's settings: one plain form, checked as the API checks them."""

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods
from rest_framework.exceptions import ValidationError

from accounts.access import Viewer
from accounts.pages.forms import ServiceForm
from chats.pages.base import page, to_chat
from chats.pages.thread import NEW, open_state
from chats.services.chats import change_chat, chats_of, create_chat
from chats.services.open_models import open_models, require_open
from chats.wire.settings import EFFORTS, SYSTEM_CHARS, ChatSettings
from common.errors import Invalid, ParleyError
from common.problems import as_refusal
from common.views import checked_input
from tools.policy import ALL, offered_tools

EMPTY: dict[str, Any] = {"model": "", "settings": {}}
NUMBERS = ("context_turns", "max_context_tokens", "temperature", "top_p", "max_output")


class ChatSettingsForm(ServiceForm):
    """What is left empty is the server's default; settings that it has no field for stay as they are."""

    model = forms.ChoiceField(label="Model", required=False)
    system = forms.CharField(
        label="System text", required=False, strip=False, max_length=SYSTEM_CHARS,
        widget=forms.Textarea({"rows": 6}), help_text="What the model is told before everything else.",
    )  # fmt: skip
    no_system = forms.BooleanField(label="Send no system text at all", required=False)
    context_turns = forms.IntegerField(label="Earlier turns that the model is sent", required=False)
    max_context_tokens = forms.IntegerField(label="Tokens that it is sent at most", required=False)
    effort = forms.ChoiceField(
        label="Reasoning", required=False, choices=[("", "as the model does"), *((each, each) for each in EFFORTS)]
    )
    temperature = forms.FloatField(label="Temperature (0 to 2)", required=False)
    top_p = forms.FloatField(label="Top p (0 to 1)", required=False)
    max_output = forms.IntegerField(label="Tokens of an answer at most", required=False)
    tools = forms.MultipleChoiceField(label="Tools", required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, user_id: int, chat: dict[str, Any], data: Any = None) -> None:
        stored = chat["settings"]
        self._usual = list(offered_tools(None, can_ask=True))
        self._kept = stored.get("tools", self._usual)
        initial = {**stored, "model": chat["model"], "no_system": stored.get("system") == "", "tools": self._kept}
        super().__init__(data, initial=initial)
        models = {each.name: each.label for each in open_models(user_id).listing() if each.available}
        models.setdefault(chat["model"], chat["model"] or "the usual one")
        models.setdefault("", "the usual one")
        self.fields["model"].choices = list(models.items())  # type: ignore[attr-defined]
        offered = offered_tools([ALL], can_ask=True)
        self.fields["tools"].choices = [(name, tool.title) for name, tool in offered.items()]  # type: ignore[attr-defined]
        if not offered:
            del self.fields["tools"]

    def settings(self) -> dict[str, Any]:
        """Return what was filled in as the API takes it; raise what it refuses."""
        said = self.cleaned_data
        system = "" if said["no_system"] else said["system"].replace("\r\n", "\n") or None
        values = {name: said[name] for name in NUMBERS} | {"system": system, "effort": said["effort"] or None}
        if "tools" in said:
            values["tools"] = self._tools(said["tools"])
        return checked_input(ChatSettings, values)

    def _tools(self, chosen: list[str]) -> list[str] | None:
        """Return the tools chosen, with those that are only not on offer now; None for the usual ones."""
        offered = dict(self.fields["tools"].choices)  # type: ignore[attr-defined]
        names = [*chosen, *(name for name in self._kept if name not in offered)]
        return None if set(names) == set(self._usual) else names


@require_http_methods(["GET", "HEAD", "POST"])
@page
def chat_settings(request: HttpRequest, viewer: Viewer, chat_id: UUID) -> HttpResponse:
    """Show and change the settings of a chat; one that is yet to be made is made with them."""
    is_new = open_state(viewer.id, chat_id) == NEW
    row = chats_of(viewer.id).filter(pk=chat_id).first() or EMPTY
    form = ChatSettingsForm(viewer.id, row, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and _saved(viewer.id, chat_id, row, form):
        return to_chat(chat_id)
    context = {"form": form, "chat": row, "chat_id": chat_id, "is_new": is_new}
    return render(request, "chat/settings.html", context, status=400 if form.errors else 200)


def _saved(user_id: int, chat_id: UUID, row: dict[str, Any], form: ChatSettingsForm) -> bool:
    """Store a valid form; a refusal is shown at its field."""
    try:
        values, model = form.settings(), form.cleaned_data["model"]
        if model != row["model"]:
            require_open(user_id, model)
        if row is not EMPTY or not create_chat(user_id, chat_id, "", model, values)[1]:
            change_chat(user_id, chat_id, {"model": model, "settings": values})
    except (Invalid, ValidationError) as error:
        form.refuse(as_refusal(error) or ParleyError())
    return not form.errors
