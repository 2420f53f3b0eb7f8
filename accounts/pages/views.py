"""The pages of somebody who is not signed in yet: plain forms that work without script."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse, reverse_lazy
from django.views.decorators.http import require_POST

from accounts.pages.base import FormPage, done, keep_next, next_address, pop_next
from accounts.pages.forms import NewPasswordForm, RegisterForm, ResetForm, SignInForm, TokenForm
from accounts.security.known_devices import remember_device
from accounts.security.network import client_info
from accounts.services import addresses, passwords
from accounts.services.credentials import check_credentials
from accounts.services.registration import register
from accounts.social.offers import EntryPage

SIGN_IN = ("page-sign-in", "Sign in")
REGISTER = ("page-register", "Register")
RESET = ("page-reset", "Forgot your password?")


class SignInPage(EntryPage):
    form_class = SignInForm
    title = button = "Sign in"
    links = (REGISTER, RESET)

    def perform(self, data: dict[str, Any]) -> HttpResponse:
        login(self.request, check_credentials(data["email"], data["password"], self.request))
        return HttpResponseRedirect(next_address(self.request))


class RegisterPage(EntryPage):
    form_class = RegisterForm
    title = button = "Register"
    links = (SIGN_IN,)

    def perform(self, data: dict[str, Any]) -> HttpResponse:
        keep_next(self.request)
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
    links = (SIGN_IN, REGISTER)

    def perform(self, data: dict[str, Any]) -> HttpResponse:
        keep_next(self.request)
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
        if wanted := pop_next(self.request):
            messages.success(self.request, f"Your password is set. {text}")
            response: HttpResponse = redirect_to_login(wanted, reverse("page-sign-in"))
        else:
            response = done(self.request, "Your password is set", text)
        remember_device(response, user.email)
        return response


class ConfirmPage(FromMailPage):
    form_class = TokenForm
    title = button = "Confirm my address"

    def perform(self, data: dict[str, Any]) -> HttpResponse:
        user = addresses.confirm(data["token"])
        text = f"{user.email} is confirmed."
        if wanted := pop_next(self.request):
            messages.success(self.request, text)
            return HttpResponseRedirect(wanted)
        return done(self.request, "Thank you", text)
