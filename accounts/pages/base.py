"""What our own pages share."""

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse, reverse_lazy
from django.utils.http import MAX_URL_REDIRECT_LENGTH, url_has_allowed_host_and_scheme, urlencode
from django.views.generic import FormView

from accounts.models import User
from accounts.pages.forms import ServiceForm
from common.errors import NotSignedIn, ParleyError

OK = 200
HOME = "/"
NEXT = "next"


def wanted_next(request: HttpRequest) -> str:
    """Return where somebody was going when a form came in between: an address of this site, or nothing."""
    wanted = str(request.POST.get(NEXT) or request.GET.get(NEXT, ""))
    where = wanted.partition("?")[0]  # the rest says nothing of it, and may be longer than Django looks at
    own = url_has_allowed_host_and_scheme(where, {request.get_host()}, require_https=request.is_secure())
    return wanted if own and len(wanted) <= MAX_URL_REDIRECT_LENGTH else ""


def next_address(request: HttpRequest) -> str:
    """Return where to go after signing in: an address of this site, or its start."""
    return wanted_next(request) or HOME


def keep_next(request: HttpRequest, address: str = "") -> None:
    """Remember in this browser where its user was going: a mail comes in between, and its link knows nothing of it."""
    if wanted := address or wanted_next(request):
        request.session[NEXT] = wanted


def pop_next(request: HttpRequest) -> str:
    """Return where the user of this browser was going before the mail came, once."""
    return str(request.session.pop(NEXT, ""))


class FormPage(FormView):  # type: ignore[type-arg]
    """One form, one service; a refusal is shown at the field it belongs to, with its own status."""

    template_name = "accounts/form.html"
    title = button = text = ""
    danger = False
    links: tuple[tuple[str, str], ...] = ()  # side ways: name of the page, label

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
        wanted = wanted_next(self.request)
        onward = f"?{urlencode({NEXT: wanted})}" if wanted else ""
        links = [(f"{reverse(name)}{onward}", label) for name, label in self.links]
        return super().get_context_data(**names, next=wanted, links=links, **kwargs)


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
