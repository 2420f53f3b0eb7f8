"""The account itself."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import F
from django.db.models.functions import Lower

from accounts.models.profile import Profile
from accounts.models.session import Session
from accounts.normalise import email_key
from accounts.signals import access_revoked
from common.tasks import Actor

USERNAME = RegexValidator(
    r"\A[A-Za-z0-9_]+(?:[.-][A-Za-z0-9_]+)*\Z",
    "Use letters, digits, _ and, between them, single dots or hyphens.",
)


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user with this address, whatever its letter case or Unicode form."""
        return self.get(email_key=email_key(username or ""))

    def locked(self, actor: Actor) -> "User | None":
        """Return an active account while its credential epoch holds, locked until the transaction ends.

        Securing an account takes the same lock, so of the two one comes first, and the other sees it.
        """
        return self._holding(actor).select_for_update(no_key=True).first()

    def _holding(self, actor: Actor) -> "models.QuerySet[User]":
        return self.filter(pk=actor.user_id, credential_epoch=actor.credential_epoch, is_active=True)

    def may_act(self, actor: Actor) -> bool:
        """Tell whether an active account still has this credential epoch."""
        return self._holding(actor).exists()

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create an account; its profile comes with it."""
        if not email:
            raise ValueError("An account needs an e-mail address.")
        user = self.model(email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create an administrator, whose address counts as confirmed."""
        rights = {"is_staff": True, "is_superuser": True, "is_email_confirmed": True}
        return self.create_user(email, password, **{**rights, **fields})


class User(AbstractBaseUser, PermissionsMixin):
    """Someone who can sign in, by e-mail."""

    email = models.EmailField("e-mail address", max_length=254, unique=True)
    email_key = models.CharField(max_length=254, unique=True, editable=False)
    username = models.CharField(max_length=25, null=True, blank=True, default=None, validators=[USERNAME])
    is_email_confirmed = models.BooleanField("e-mail confirmed", default=False)
    is_active = models.BooleanField("active", default=True, help_text="Switch off to end every session at once.")
    is_staff = models.BooleanField("staff", default=False, help_text="May use the admin.")
    # Raised whenever the account is secured; what was asked for under an older one has no effect any more.
    credential_epoch = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[UserManager] = UserManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"

    class Meta:
        constraints = [models.UniqueConstraint(Lower("username"), name="username_taken_in_any_case")]

    def __str__(self) -> str:
        return self.email

    def get_short_name(self) -> str:
        return self.username or self.email

    def clean(self) -> None:
        """Say which field is taken, for forms; the constraints settle the races."""
        key = email_key(self.email)
        if User.objects.filter(email_key=key).exclude(pk=self.pk).exists():
            raise ValidationError({"email": "There is an account with this address already."})

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save from any door: the key follows the address, a profile exists, the account is secured where needed."""
        is_new = self._state.adding
        self.username = self.username or None
        if self.email_key != (key := email_key(self.email)):
            self.email_key = key
            if (names := kwargs.get("update_fields")) is not None:
                kwargs["update_fields"] = {*names, "email_key"}
        with transaction.atomic():
            # First: a new address locks the row against every key to it, which others take after sessions and grants.
            if not is_new and (reason := self._reason_to_secure(kwargs.get("update_fields"))):
                self.secure(reason)
            super().save(*args, **kwargs)
            if is_new:
                Profile.objects.create(user=self)

    def _reason_to_secure(self, fields: Iterable[str] | None) -> str:
        """Compare with the row, which is locked; an epoch that was raised since this instance was read stays raised."""
        if self._password is not None:  # type: ignore[attr-defined]
            return "password_changed"
        if fields is not None and not {"email", "is_active"} & set(fields):
            return ""
        before = User.objects.select_for_update(no_key=True).filter(pk=self.pk).first()
        if before is None:
            return ""
        self.credential_epoch = before.credential_epoch
        if before.is_active != self.is_active:
            return "reactivated" if self.is_active else "deactivated"
        return "address_changed" if before.email != self.email else ""

    @transaction.atomic
    def secure(self, reason: str) -> None:
        """End every way in and void whatever was asked for and has not happened yet: the one place that does it.

        Order of locks: user, session, what the apps above have handed out.
        """
        User.objects.filter(pk=self.pk).update(credential_epoch=F("credential_epoch") + 1)
        self.refresh_from_db(fields=["credential_epoch"])
        Session.objects.filter(user=self.pk).end(reason)
        access_revoked.send(User, user_id=self.pk)

    @property
    def actor(self) -> Actor:
        """Return the account as one that asks for something now and gets it later."""
        return Actor(self.pk, self.credential_epoch)

    def natural_key(self) -> tuple[str]:
        return (self.email,)
