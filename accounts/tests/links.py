"""The token in a mail."""

import re
from urllib.parse import unquote

from django.core.mail import EmailMessage


def token_in(message: EmailMessage) -> str:
    """Return the token of the link in a mail; text and HTML must carry the same."""
    html = message.alternatives[0][0]
    found = {unquote(token) for body in (message.body, html) for token in re.findall(r"token=([\w%-]+)", str(body))}
    assert len(found) == 1
    return found.pop()


def token_sent_to(address: str, messages: list[EmailMessage]) -> str:
    """Return the token of the one mail to an address; mails that leave together come in any order."""
    (message,) = [each for each in messages if each.to == [address]]
    return token_in(message)
