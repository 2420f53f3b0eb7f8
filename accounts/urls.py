"""Addresses under `/api/`, each with and without its trailing slash."""

from accounts.api import avatar, keys, mail_links, own_account, signing_in
from common.urls import with_and_without_slash

urlpatterns = [
    *with_and_without_slash("register", signing_in.RegisterView.as_view(), "register"),
    *with_and_without_slash("token", signing_in.TokenView.as_view(), "token"),
    *with_and_without_slash("token/refresh", signing_in.RefreshView.as_view(), "token-refresh"),
    *with_and_without_slash("logout", signing_in.LogoutView.as_view(), "logout"),
    *with_and_without_slash("logout-all", signing_in.LogoutAllView.as_view(), "logout-all"),
    *with_and_without_slash("users/self", own_account.SelfView.as_view(), "self"),
    *with_and_without_slash("profile", own_account.ProfileView.as_view(), "profile"),
    *with_and_without_slash("profile/avatar", avatar.AvatarView.as_view(), "profile-avatar"),
    *with_and_without_slash("sessions", own_account.SessionsView.as_view(), "sessions"),
    *with_and_without_slash("sessions/<anyuuid:session_id>", own_account.SessionView.as_view(), "session"),
    *with_and_without_slash("keys", keys.KeysView.as_view(), "keys"),
    *with_and_without_slash("keys/<anyuuid:key_id>", keys.KeyView.as_view(), "key"),
    *with_and_without_slash("ws-ticket", own_account.TicketView.as_view(), "ws-ticket"),
    *with_and_without_slash("confirmation-email/send", mail_links.SendConfirmationView.as_view(), "confirmation-send"),
    *with_and_without_slash("confirmation-email/confirm", mail_links.ConfirmView.as_view(), "confirmation-confirm"),
    *with_and_without_slash("change-email", mail_links.ChangeEmailView.as_view(), "change-email"),
    *with_and_without_slash("password-reset", mail_links.PasswordResetView.as_view(), "password-reset"),
    *with_and_without_slash(
        "password-reset/confirm", mail_links.PasswordResetConfirmView.as_view(), "password-reset-confirm"
    ),
    *with_and_without_slash("change-password", mail_links.ChangePasswordView.as_view(), "change-password"),
]
