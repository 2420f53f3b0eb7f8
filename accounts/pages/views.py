"""The pages of somebody who is not signed in yet: plain forms that work without script."""

from typing import Any

from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse_lazy
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from accounts.pages.base import FormPage, done
from accounts.pages.forms import NewPasswordForm, RegisterForm, ResetForm, SignInForm, TokenForm
from accounts.security.known_devices import remember_device
from accounts.security.network import client_info
from accounts.services import addresses, passwords
from accounts.services.credentials import check_credentials
from accounts.services.registration import register
from accounts.social.offers import EntryPage

HOME = "/"


def next_address(request: HttpRequest) -> str:
    """Return where to go after signing in: an address of this site, or its start."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else HOME


class SignInPage(EntryPage):
    template_name = "accounts/sign_in.html"
    form_class = SignInForm
    title = button = "Sign in"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(next=next_address(self.request), **kwargs)

    def perform(self, data: dict[str, Any]) -> HttpResponse:
        login(self.request, check_credentials(data["email"], data["password"], self.request))
        return HttpResponseRedirect(next_address(self.request))


class RegisterPage(EntryPage):
    form_class = RegisterForm
    title = button = "Register"

    def perform(self, data: dict[str, Any]) -> HttpResponse:
        login(self.request, register(client=client_info(self.request), **data), "accounts.backends.EmailBackend")
        return HttpResponseRedirect(next_address(self.request))


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End this browser's session."""
    logout(request)
    return HttpResponseRedirect(reverse_lazy("page-sign-in"))


class ResetPage(FormPage):
    form_class = ResetForm
    title, button = "Forgot your password?", "Send me a link"

    def perform(self, data: dict[str, Any]) -> HttpResponse:
        passwords.request_reset(data["email"], client_info(self.request))
        return done(self.request, "Look into your mailbox", "If there is such an account, a link is on its way.")


class FromMailPage(FormPage):
    """Opened by a mail link: showing it changes nothing, its button does."""

    def get_initial(self) -> dict[str, Any]:
        return {"token": self.request.GET.get("token", "")}


class NewPasswordPage(FromMailPage):
    form_class = NewPasswordForm
    title, button = "Set a new password", "Set password"

    def perform(self, data: dict[str, Any]) -> HttpResponse:
        user = passwords.reset(data["token"], data["password"])
        text = "Every device was signed out. Sign in with the new password."
        response = done(self.request, "Your password is set", text)
        remember_device(response, user.email)
        return response


class ConfirmPage(FromMailPage):
    form_class = TokenForm
    title = button = "Confirm my address"

    def perform(self, data: dict[str, Any]) -> HttpResponse:
        user = addresses.confirm(data["token"])
        return done(self.request, "Thank you", f"{user.email} is confirmed.")
