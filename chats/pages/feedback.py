"""The page that asks why an answer was good or bad; the thumbs alone are a press."""

from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.access import Viewer
from chats.models import Feedback
from chats.pages.base import page
from chats.services.feedback import find_feedback, put_feedback


class FeedbackForm(forms.Form):
    value = forms.TypedChoiceField(
        label="The answer was", coerce=int, choices=Feedback.Value.choices, widget=forms.RadioSelect
    )
    reasons = forms.MultipleChoiceField(
        label="Why", required=False, choices=Feedback.Reason.choices, widget=forms.CheckboxSelectMultiple
    )
    comment = forms.CharField(
        label="In your words", required=False, strip=False, max_length=Feedback.COMMENT_CHARS,
        widget=forms.Textarea({"rows": 4}),
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@page
def chat_feedback(request: HttpRequest, viewer: Viewer, chat_id: UUID, message_id: UUID) -> HttpResponse:
    """Show and change what the user thinks of a reply, with reasons and a comment."""
    said = find_feedback(viewer.id, chat_id, message_id)
    initial = {name: getattr(said, name) for name in ("value", "reasons", "comment")} if said else None
    form = FeedbackForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        comment = form.cleaned_data["comment"].replace("\r\n", "\n")
        put_feedback(viewer.id, chat_id, message_id, form.cleaned_data["value"], form.cleaned_data["reasons"], comment)
        return redirect(f"{reverse('chat-page', args=[chat_id])}?message={message_id}")
    context = {"form": form, "chat_id": chat_id, "message_id": message_id}
    return render(request, "chat/feedback.html", context, status=400 if form.errors else 200)
