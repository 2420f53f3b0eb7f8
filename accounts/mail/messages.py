"""A mail: text and HTML from `templates/emails/`, linking to the configured front end only."""

from urllib.parse import urlencode

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from accounts.services.mail_tokens import Purpose, lifetime

SUBJECTS = {
    "confirm": "Please confirm your e-mail address",
    "reset": "Reset your password",
    "change": "Please confirm your new e-mail address",
    "change_notice": "Your e-mail address is about to change",
    "changed": "Your e-mail address has changed",
    "password_changed": "Your password has changed",
}
# Under FRONTEND_URL; our own pages answer here where that is this site.
LINKS = {"confirm": "/accounts/confirm/", "change": "/accounts/confirm/", "reset": "/accounts/reset/confirm/"}
RESET_PAGE = "/accounts/reset/"


def compose(name: str, to: str, *, secret: str = "", new_email: str = "") -> EmailMultiAlternatives:
    """Return one of our mails, ready to be sent."""
    context = {
        "site": settings.SITE_URL,
        "link": f"{settings.FRONTEND_URL}{LINKS[name]}?{urlencode({'token': secret})}" if secret else "",
        "reset_link": f"{settings.FRONTEND_URL}{RESET_PAGE}",
        "hours": lifetime(Purpose.CONFIRM).total_seconds() / 3600,
        "minutes": lifetime(Purpose.RESET).total_seconds() / 60,
        "email": to,
        "new_email": new_email,
    }
    mail = EmailMultiAlternatives(SUBJECTS[name], render_to_string(f"emails/{name}.txt", context), to=[to])
    mail.attach_alternative(render_to_string(f"emails/{name}.html", context), "text/html")
    return mail
