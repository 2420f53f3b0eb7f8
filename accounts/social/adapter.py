"""Where allauth hands over to us: it talks to the provider, we decide who is signed in."""

import logging
from typing import Any, NoReturn

import requests
from allauth.core.exceptions import ImmediateHttpResponse  # type: ignore[import-untyped]
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter  # type: ignore[import-untyped]
from allauth.socialaccount.providers.base.constants import AuthError  # type: ignore[import-untyped]
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts.pages.base import done
from accounts.pages.views import HOME
from accounts.security.network import client_info
from accounts.social.account_linking import user_of
from common.errors import ParleyError

logger = logging.getLogger("parley.accounts")
FAILED = "That did not work"


class SocialAdapter(DefaultSocialAccountAdapter):
    """Ends every sign-in itself, so that none of allauth's own pages and accounts comes into play."""

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> NoReturn:
        """Sign in whom the verified addresses, the main one first, belong to; a refusal is a page."""
        verified = [address for address in sociallogin.email_addresses if address.verified is True]
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
            raise ImmediateHttpResponse(HttpResponseRedirect(reverse("page-sign-in")))
        if exception is not None:  # its text may quote what the provider sent, tokens too
            logger.warning("sign-in with %s failed: %s", provider.id, type(exception).__name__)
        text = f"{provider.name} did not sign you in. Please try again."
        raise ImmediateHttpResponse(done(request, FAILED, text, 400))

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return False

    def get_requests_session(self) -> requests.Session:
        """Return allauth's session (5 s for each call), which takes no proxy from the environment and no redirect."""
        session: requests.Session = super().get_requests_session()
        session.trust_env, session.max_redirects = False, 0
        return session


def _refused(request: HttpRequest, refusal: ParleyError) -> HttpResponse:
    response = done(request, FAILED, refusal.detail, refusal.status)
    if refusal.retry_after is not None:
        response["Retry-After"] = str(int(refusal.retry_after) + 1)
    return response
