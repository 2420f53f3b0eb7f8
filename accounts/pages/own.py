"""The pages of one's own account."""

from ipaddress import ip_address
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.errors import TooManyAttempts
from accounts.models import Profile, Session
from accounts.models.session import SESSION_KEY
from accounts.pages.base import FormPage, SignedIn, done, page_user
from accounts.pages.forms import AvatarForm, ChangeEmailForm, ChangePasswordForm, DeleteForm, ProfileForm
from accounts.pages.viewer import by_session
from accounts.security.network import client_info, network_of
from accounts.services import addresses, passwords
from accounts.services.avatars import remove_avatar, replace_avatar
from accounts.services.deletion import delete_own_account
from accounts.services.profiles import update_profile
from accounts.services.sessions import end_others
from common.errors import Invalid

signed_in = login_required(login_url=reverse_lazy("page-sign-in"))


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Show and change the profile."""
    mine = page_user(request).profile
    form = ProfileForm(request.POST or None, instance=mine)
    if request.method == "POST" and form.is_valid() and _saved(page_user(request).pk, form):
        messages.success(request, "Saved.")
        return redirect("page-profile")
    mine.refresh_from_db()
    avatar = reverse("avatar", args=[mine.avatar]) if mine.avatar else ""
    context = {"form": form, "avatar_form": AvatarForm(), "avatar": avatar}
    return render(request, "accounts/profile.html", context, status=400 if form.errors else 200)


def _saved(user_id: int, form: ProfileForm) -> bool:
    """Store a valid form; a refusal is shown at its field."""
    try:
        update_profile(Profile.objects.get(user=user_id), form.cleaned_data)
    except Invalid as refusal:
        for field, problems in refusal.errors.items():
            form.add_error(field, problems)
    return not form.errors


class AvatarPage(SignedIn, FormPage):
    max_body, authenticate = "MAX_AVATAR_BODY_BYTES", staticmethod(by_session)
    form_class = AvatarForm
    title, button = "Picture", "Upload"

    def perform(self, data: dict[str, Any]) -> HttpResponse:
        replace_avatar(page_user(self.request), data["avatar"])
        return redirect("page-profile")


@signed_in
@require_POST
def drop_avatar(request: HttpRequest) -> HttpResponse:
    """Go back to no picture."""
    remove_avatar(page_user(request))
    return redirect("page-profile")


@signed_in
@require_POST
def resend(request: HttpRequest) -> HttpResponse:
    """Mail the confirmation link again."""
    try:
        addresses.resend_confirmation(page_user(request), client_info(request))
    except TooManyAttempts as refusal:
        return done(request, "Not now", refusal.detail, refusal.status)
    messages.success(request, "A new link is on its way; older ones do not work any more.")
    return redirect("page-profile")


@signed_in
@require_safe
def devices(request: HttpRequest) -> HttpResponse:
    """List what is signed in."""
    sessions = Session.objects.alive().filter(user=page_user(request)).order_by("-last_used_at", "-id")
    for session in sessions:
        session.network = network_of(ip_address(session.ip)) if session.ip else "unknown network"  # type: ignore[attr-defined]
    current = UUID(request.session[SESSION_KEY])
    return render(request, "accounts/devices.html", {"sessions": sessions, "current": current})


@signed_in
@require_POST
def end_device(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """Sign one device out; somebody else's is not there, and nothing happens."""
    Session.objects.filter(pk=session_id, user=page_user(request)).end("revoked")
    return redirect("page-devices")


@signed_in
@require_POST
def end_other_devices(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere but here."""
    end_others(page_user(request), UUID(request.session[SESSION_KEY]))
    messages.success(request, "Every other device is signed out.")
    return redirect("page-devices")


@signed_in
@require_POST
def end_devices(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere, here too."""
    page_user(request).secure("signed_out_everywhere")
    logout(request)
    return HttpResponseRedirect(reverse("page-sign-in"))


class PasswordPage(SignedIn, FormPage):
    form_class = ChangePasswordForm
    title, button = "Change password", "Change password"
    text = "Every other device is signed out."

    def perform(self, data: dict[str, Any]) -> HttpResponse:
        user = page_user(self.request)
        passwords.change(user, data["old_password"], data["new_password"], client_info(self.request))
        login(self.request, user, "accounts.backends.EmailBackend")
        messages.success(self.request, "Your password is changed.")
        return redirect("page-profile")


class EmailPage(SignedIn, FormPage):
    form_class = ChangeEmailForm
    title, button = "Change e-mail address", "Send me a link"
    text = "Your present address stays in use until the link in the mail to the new one is opened. Then sign in anew."

    def perform(self, data: dict[str, Any]) -> HttpResponse:
        addresses.request_change(page_user(self.request), data["email"], data["password"], client_info(self.request))
        return done(self.request, "Look into your mailbox", f"A link is on its way to {data['email']}.")


class DeletePage(SignedIn, FormPage):
    form_class = DeleteForm
    title, button, danger = "Delete account", "Delete everything", True
    text = "Your account goes with all that belongs to it, for good."

    def perform(self, data: dict[str, Any]) -> HttpResponse:
        delete_own_account(page_user(self.request), data["password"], client_info(self.request))
        self.request.session.flush()
        return done(self.request, "Your account is deleted", "Nothing of it was kept.")
