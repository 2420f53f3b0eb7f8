"""Addresses of our own pages, and of avatars."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from accounts.api.avatar import serve_avatar
from accounts.pages import own, views
from common.urls import both

urlpatterns: list[URLPattern | URLResolver] = [
    *both("accounts/sign-in", views.SignInPage.as_view(), "page-sign-in"),
    *both("accounts/sign-out", views.sign_out, "page-sign-out"),
    *both("accounts/register", views.RegisterPage.as_view(), "page-register"),
    *both("accounts/confirm", views.ConfirmPage.as_view(), "page-confirm"),
    *both("accounts/reset", views.ResetPage.as_view(), "page-reset"),
    *both("accounts/reset/confirm", views.NewPasswordPage.as_view(), "page-new-password"),
    *both("accounts/profile", own.profile, "page-profile"),
    *both("accounts/profile/avatar", own.AvatarPage.as_view(), "page-avatar"),
    *both("accounts/profile/avatar/remove", own.drop_avatar, "page-avatar-remove"),
    *both("accounts/resend", own.resend, "page-resend"),
    *both("accounts/devices", own.devices, "page-devices"),
    *both("accounts/devices/end", own.end_devices, "page-devices-end"),
    *both("accounts/devices/<anyuuid:session_id>/end", own.end_device, "page-device-end"),
    *both("accounts/password", own.PasswordPage.as_view(), "page-password"),
    *both("accounts/email", own.EmailPage.as_view(), "page-email"),
    *both("accounts/delete", own.DeletePage.as_view(), "page-delete"),
    # The admin's own form checks the old password without counting guesses.
    path("admin/password_change/", RedirectView.as_view(pattern_name="page-password")),
    path("media/avatars/<str:name>", serve_avatar, name="avatar"),
]

if settings.SOCIALACCOUNT_PROVIDERS:
    urlpatterns.append(path("", include("accounts.social.urls")))
