"""What Parley asks over the network."""

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.mail import get_connection

from common.secrets import Unreadable, unseal
from llm.catalog import catalog
from llm.discovery import Failed, found_models
from llm.environment import DEMO
from llm.models import Provider
from llm.snapshot import refresh_rows
from ops.checkups.problem import Problem
from ops.checkups.storage import writes_to

REDIS_SECONDS = 2


def check_redis() -> Iterator[Problem]:
    if not settings.REDIS_URL:
        return  # several processes without it are refused by the system checks
    from redis import Redis, RedisError

    try:
        with Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=REDIS_SECONDS, socket_timeout=REDIS_SECONDS
        ) as redis:
            redis.ping()
    except (RedisError, ValueError) as error:
        hint = "Start it, and compare REDIS_URL with its address and password."
        yield Problem.of(error, "Redis does not answer.", hint)


def check_mail() -> Iterator[Problem]:
    kind = settings.EMAIL_BACKEND.split(".")[-2]
    if kind == "smtp":
        yield from _mail_server()
    elif kind == "filebased":
        yield from writes_to(Path(getattr(settings, "EMAIL_FILE_PATH", "")), "EMAIL_URL")
    elif not settings.DEBUG:
        yield Problem(f"No mail is sent (EMAIL_URL is {kind}:).", "Set EMAIL_URL to smtp+tls://user:password@host:587.")


def _mail_server() -> Iterator[Problem]:
    mail = get_connection()
    try:
        mail.open()
        mail.close()
    except OSError as error:  # smtplib's own are
        where = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
        yield Problem.of(
            error, f"The mail server {where} does not let us in.", "Compare EMAIL_URL with its address and account."
        )


def check_providers() -> Iterator[Problem]:
    refresh_rows()
    for row in Provider.objects.filter(enabled=True).exclude(sealed_key=""):
        try:
            unseal(row.sealed_key)
        except Unreadable:
            hint = "Put the key that sealed it back into SECRETS_KEYS, or enter it anew in the admin."
            yield Problem(f"The stored key of provider {row.name} cannot be read.", hint)
    usable = [offer.config for offer in catalog().offers.values() if offer.is_usable and offer.config.adapter != DEMO]
    if not usable and not settings.DEBUG:
        hint = "Set OPENAI_API_KEY, GEMINI_API_KEY or ANTHROPIC_API_KEY, or add a provider in the admin."
        yield Problem("No provider can answer, so the demo does.", hint)
    for config in usable:
        try:
            found_models(config)
        except Failed as error:
            hint = "Compare its key and its address, and look whether this machine can reach it."
            yield Problem.of(error, f"Provider {config.name} does not list its models.", hint)
