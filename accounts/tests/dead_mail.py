"""A mail server that is away."""

from typing import Any, NoReturn

from django.core.mail.backends.base import BaseEmailBackend


class EmailBackend(BaseEmailBackend):
    def send_messages(self, email_messages: Any) -> NoReturn:
        raise ConnectionRefusedError(f"cannot send to {email_messages[0].to}")
