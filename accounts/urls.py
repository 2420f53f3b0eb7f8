"""Addresses under `/api/`, each with and without its trailing slash."""

from accounts.api import avatar, keys, mail_links, own_account, signing_in
from common.urls import both

urlpatterns = [
    *both("register", signing_in.RegisterView.as_view(), "register"),
    *both("token", signing_in.TokenView.as_view(), "token"),
    *both("token/refresh", signing_in.RefreshView.as_view(), "token-refresh"),
    *both("logout", signing_in.LogoutView.as_view(), "logout"),
    *both("logout-all", signing_in.LogoutAllView.as_view(), "logout-all"),
    *both("users/self", own_account.SelfView.as_view(), "self"),
    *both("profile", own_account.ProfileView.as_view(), "profile"),
    *both("profile/avatar", avatar.AvatarView.as_view(), "profile-avatar"),
    *both("sessions", own_account.SessionsView.as_view(), "sessions"),
    *both("sessions/<anyuuid:session_id>", own_account.SessionView.as_view(), "session"),
    *both("keys", keys.KeysView.as_view(), "keys"),
    *both("keys/<anyuuid:key_id>", keys.KeyView.as_view(), "key"),
    *both("ws-ticket", own_account.TicketView.as_view(), "ws-ticket"),
    *both("confirmation-email/send", mail_links.SendConfirmationView.as_view(), "confirmation-send"),
    *both("confirmation-email/confirm", mail_links.ConfirmView.as_view(), "confirmation-confirm"),
    *both("change-email", mail_links.ChangeEmailView.as_view(), "change-email"),
    *both("password-reset", mail_links.PasswordResetView.as_view(), "password-reset"),
    *both("password-reset/confirm", mail_links.PasswordResetConfirmView.as_view(), "password-reset-confirm"),
    *both("change-password", mail_links.ChangePasswordView.as_view(), "change-password"),
]
