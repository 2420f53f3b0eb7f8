"""What our own pages share."""

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy
from django.views.generic import FormView

from accounts.models import User
from accounts.pages.forms import ServiceForm
from common.errors import NotSignedIn, ParleyError

OK = 200


class FormPage(FormView):  # type: ignore[type-arg]
    """One form, one service; a refusal is shown at the field it belongs to, with its own status."""

    template_name = "accounts/form.html"
    title = button = text = ""
    danger = False

    def perform(self, data: dict[str, Any]) -> HttpResponse:
        """Do what the form is for, or raise a refusal."""
        raise NotImplementedError

    def form_valid(self, form: ServiceForm) -> HttpResponse:
        try:
            return self.perform(form.cleaned_data)
        except ParleyError as refusal:
            form.refuse(refusal)
            response = self.render_to_response(self.get_context_data(form=form), status=refusal.status)
            if refusal.retry_after is not None:
                response["Retry-After"] = str(int(refusal.retry_after) + 1)
            return response

    def form_invalid(self, form: ServiceForm) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=400)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        names = {"title": self.title, "button": self.button, "text": self.text, "danger": self.danger}
        return super().get_context_data(**names, **kwargs)


class SignedIn(LoginRequiredMixin):
    """Only for somebody who is signed in; others are sent to the form and back."""

    login_url = reverse_lazy("page-sign-in")


def page_user(request: HttpRequest) -> User:
    """Return the signed-in user of a page."""
    if not isinstance(request.user, User):
        raise NotSignedIn()
    return request.user


def done(request: HttpRequest, title: str, text: str, status: int = OK) -> HttpResponse:
    """Say what has been done."""
    return render(request, "accounts/done.html", {"title": title, "text": text}, status=status)
