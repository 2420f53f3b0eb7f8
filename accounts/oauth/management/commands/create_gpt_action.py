"""`manage.py create_gpt_action`: the OAuth client of a GPT's action, and what to paste into the GPT editor."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse
from oauth2_provider.generators import generate_client_secret
from oauth2_provider.models import Application

from accounts.oauth.clients import GPT_HOSTS, GPT_ID, gpt_callbacks
from accounts.oauth.scopes import DEFAULT

MINE = {"client_type": Application.CLIENT_CONFIDENTIAL, "registration_source": "manual"}


class Command(BaseCommand):
    help = "Creates or updates the OAuth client of a ChatGPT action and prints what to paste into the GPT editor."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", default="", help="name shown to users when they are asked (default: ChatGPT)")
        parser.add_argument("--gpt-id", default="", help="g-…, or the whole callback URL from the editor")
        parser.add_argument("--client-id", default="", help="the client to update; without it, found by its name")
        parser.add_argument("--new-secret", action="store_true", help="replace the secret of an existing client")

    def handle(self, *args: Any, **options: Any) -> None:
        gpt = _gpt_id(options["gpt_id"])
        application = _found(options["client_id"], options["name"] or "ChatGPT")
        is_new = application is None
        if application is None:
            application = Application(**MINE, authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE)
        application.name = options["name"] or application.name or "ChatGPT"
        if gpt:
            application.redirect_uris = " ".join(gpt_callbacks(gpt))
        secret = generate_client_secret() if is_new or options["new_secret"] else ""
        if secret:
            application.client_secret = secret
        application.save()
        self.stdout.write("\n".join(_report(application, secret, is_new)))
        for warning in _warnings(application):
            self.stderr.write(self.style.WARNING(f"Warning: {warning}"))


def _gpt_id(text: str) -> str:
    """Return the id out of what was given; raise CommandError where there is none in it."""
    if not text:
        return ""
    parts = urlsplit(text)
    if parts.scheme:
        segments = parts.path.split("/")
        fits = parts.hostname in GPT_HOSTS and segments[1:2] == ["aip"] and segments[3:] == ["oauth", "callback"]
        text = segments[2] if fits else ""
    if not GPT_ID.fullmatch(text):
        raise CommandError("--gpt-id: give the GPT's id (g-…) or the callback URL that the editor shows.")
    return text


def _found(client_id: str, name: str) -> Any:
    wanted = {"client_id": client_id} if client_id else {"name": name}
    found = list(Application.objects.filter(**MINE, **wanted)[:2])
    if client_id and not found:
        raise CommandError("--client-id: there is no such confidential client.")
    if len(found) > 1:
        raise CommandError(f"There are several clients named {name}: say which with --client-id.")
    return found[0] if found else None


def _report(application: Any, secret: str, is_new: bool) -> list[str]:
    site, callbacks = settings.SITE_URL, application.redirect_uris.split()
    shown = f"{secret}   (shown this once)" if secret else "unchanged (--new-secret makes another)"
    return [
        f"{'Created' if is_new else 'Updated'} the client {application.name!r}.",
        "In the GPT editor, under Authentication:",
        "",
        "  Authentication type:    OAuth",
        f"  Client ID:              {application.client_id}",
        f"  Client Secret:          {shown}",
        f"  Authorization URL:      {site}{reverse('oauth-authorize')}",
        f"  Token URL:              {site}{reverse('oauth-token')}",
        f"  Scope:                  {' '.join(DEFAULT)}",
        "  Token Exchange Method:  Default (POST request)",
        "",
        f"  Schema, import from:    {site}/openapi/notes.json",
        "",
        *(["Callback URLs allowed:", *(f"  {address}" for address in callbacks)] if callbacks else []),
    ]


def _warnings(application: Any) -> list[str]:
    found = []
    if not application.redirect_uris:
        found.append(
            "no callback URL is allowed yet, so nobody can connect. Save the GPT, copy the callback URL that the "
            f"editor then shows, and run: manage.py create_gpt_action --client-id {application.client_id} --gpt-id URL"
        )
    site = urlsplit(settings.SITE_URL)
    if site.scheme != "https":
        found.append(f"SITE_URL is {settings.SITE_URL}; ChatGPT accepts https addresses only.")
    elif site.port not in (None, 443):
        found.append(f"SITE_URL is {settings.SITE_URL}; ChatGPT calls port 443 only.")
    return found
