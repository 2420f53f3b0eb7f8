"""The mails, as tasks: asking for one costs the same whoever asks, and a dead mail server delays nobody."""

from accounts.mail.messages import compose
from accounts.models import User
from accounts.normalise import email_key
from accounts.security.rate_limits import may_mail
from accounts.services.mail_tokens import Purpose, issue, pretend_to_issue
from common.tasks import Actor, task


def account_at(email: str, **conditions: bool) -> User | None:
    """Return the active account of an address that somebody has typed."""
    return User.objects.filter(email_key=email_key(email), is_active=True, **conditions).first()


def enqueue_link(purpose: Purpose, owner: User | None, email: str) -> None:
    """Have a link mailed that is as good as the owner's present credentials; for nobody, do the same work.

    It goes to the stored address, but for the link that changes it. Work that only existing accounts cause would slow
    the next request down, and so show.
    """
    if not may_mail(email, purpose):
        return
    if owner is None:
        mail_link.enqueue(None, purpose, email)
    else:
        mail_link.enqueue_for(owner.actor, purpose, email if purpose == Purpose.CHANGE else owner.email)


@task
def mail_link(actor: Actor | None, purpose: str, email: str) -> None:
    """Mail a link to an address, or only seem to."""
    if actor is None:
        compose(purpose, "nobody@example.com", secret=pretend_to_issue())
    else:
        compose(purpose, email, secret=issue(actor, Purpose(purpose), email)).send()


@task
def mail_notice(name: str, email: str, new_email: str = "") -> None:
    """Tell an owner what has happened, whatever has happened since."""
    compose(name, email, new_email=new_email).send()
