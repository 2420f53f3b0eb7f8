"""Where allauth hands over to us: it talks to the provider, we decide who is signed in."""

import logging
from typing import Any, NoReturn

import requests
from allauth.core.exceptions import ImmediateHttpResponse  # type: ignore[import-untyped]
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter  # type: ignore[import-untyped]
from allauth.socialaccount.providers.base.constants import AuthError  # type: ignore[import-untyped]
from django.contrib.auth import login
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts.pages.base import HOME, done
from accounts.security.network import client_info
from accounts.social.account_linking import user_of
from common.errors import ParleyError

logger = logging.getLogger("parley.accounts")
FAILED = "That did not work"
CLAIMS = ("email_verified", "verified_email")  # Google's, of which allauth makes a bool: of "false" too


class SocialAdapter(DefaultSocialAccountAdapter):
    """Ends every sign-in itself, so that none of allauth's own pages and accounts comes into play."""

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> NoReturn:
        """Sign in whom the verified addresses, the main one first, belong to; a refusal is a page."""
        verified = [address for address in sociallogin.email_addresses if _is_verified(address, sociallogin)]
        verified.sort(key=lambda address: not address.primary)
        try:
            login(
                request,
                user_of([address.email for address in verified], client_info(request)),
                "accounts.backends.EmailBackend",
            )
        except ParleyError as refusal:
            raise ImmediateHttpResponse(_refused(request, refusal)) from refusal
        raise ImmediateHttpResponse(HttpResponseRedirect(sociallogin.get_redirect_url(request) or HOME))

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Any = None, extra_context: Any = None
    ) -> NoReturn:
        """Answer a sign-in that was given up, was not begun in this browser, or failed on the way."""
        if error == AuthError.CANCELLED:
            wanted = ((extra_context or {}).get("state") or {}).get("next")  # as `begin_sign_in` checked it
            form = reverse("page-sign-in")
            raise ImmediateHttpResponse(redirect_to_login(wanted, form) if wanted else HttpResponseRedirect(form))
        raise ImmediateHttpResponse(failed(request, provider, exception))

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return False

    def get_requests_session(self) -> requests.Session:
        """Return allauth's session (5 s for each call), which takes no proxy from the environment and no redirect."""
        session: requests.Session = super().get_requests_session()
        session.trust_env, session.max_redirects = False, 0
        return session


def failed(request: HttpRequest, provider: Any, error: Exception | None) -> HttpResponse:
    """Say that a provider has signed nobody in."""
    if error is not None:  # its text may quote what the provider sent, tokens too
        logger.warning("sign-in with %s failed: %s", provider.id, type(error).__name__)
    return done(request, FAILED, f"{provider.name} did not sign you in. Please try again.", 400)


def _is_verified(address: Any, sociallogin: Any) -> bool:
    told = sociallogin.account.extra_data
    return address.verified is True and all(told.get(name, True) is True for name in CLAIMS)


def _refused(request: HttpRequest, refusal: ParleyError) -> HttpResponse:
    response = done(request, FAILED, refusal.detail, refusal.status)
    if refusal.retry_after is not None:
        response["Retry-After"] = str(int(refusal.retry_after) + 1)
    return response
