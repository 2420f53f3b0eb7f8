"""Addresses of our own pages, and of avatars."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from accounts.api.avatar import serve_avatar
from accounts.pages import own, views
from common.urls import with_and_without_slash

urlpatterns: list[URLPattern | URLResolver] = [
    *with_and_without_slash("accounts/sign-in", views.SignInPage.as_view(), "page-sign-in"),
    *with_and_without_slash("accounts/sign-out", views.sign_out, "page-sign-out"),
    *with_and_without_slash("accounts/register", views.RegisterPage.as_view(), "page-register"),
    *with_and_without_slash("accounts/confirm", views.ConfirmPage.as_view(), "page-confirm"),
    *with_and_without_slash("accounts/reset", views.ResetPage.as_view(), "page-reset"),
    *with_and_without_slash("accounts/reset/confirm", views.NewPasswordPage.as_view(), "page-new-password"),
    *with_and_without_slash("accounts/profile", own.profile, "page-profile"),
    *with_and_without_slash("accounts/profile/avatar", own.AvatarPage.as_view(), "page-avatar"),
    *with_and_without_slash("accounts/profile/avatar/remove", own.drop_avatar, "page-avatar-remove"),
    *with_and_without_slash("accounts/resend", own.resend, "page-resend"),
    *with_and_without_slash("accounts/devices", own.devices, "page-devices"),
    *with_and_without_slash("accounts/devices/end", own.end_devices, "page-devices-end"),
    *with_and_without_slash("accounts/devices/end-others", own.end_other_devices, "page-devices-end-others"),
    *with_and_without_slash("accounts/devices/<anyuuid:session_id>/end", own.end_device, "page-device-end"),
    *with_and_without_slash("accounts/password", own.PasswordPage.as_view(), "page-password"),
    *with_and_without_slash("accounts/email", own.EmailPage.as_view(), "page-email"),
    *with_and_without_slash("accounts/delete", own.DeletePage.as_view(), "page-delete"),
    # The admin's own form checks the old password without counting guesses.
    path("admin/password_change/", RedirectView.as_view(pattern_name="page-password")),
    path("media/avatars/<str:name>", serve_avatar, name="avatar"),
]

if settings.SOCIALACCOUNT_PROVIDERS:
    urlpatterns.append(path("", include("accounts.social.urls")))
