"""The account itself."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models.functions import Lower

from accounts.models.profile import Profile
from accounts.models.session import Session
from accounts.normalise import email_key

USERNAME = RegexValidator(
    r"\A[A-Za-z0-9_]+(?:[.-][A-Za-z0-9_]+)*\Z",
    "Use letters, digits, _ and, between them, single dots or hyphens.",
)


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user with this address, whatever its letter case or Unicode form."""
        return self.get(email_key=email_key(username or ""))

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
        """Save from any door: the key follows the address, a profile exists, and old ways in end where they must."""
        is_new, has_new_password = self._state.adding, self._password is not None  # type: ignore[attr-defined]
        self.username = self.username or None
        if self.email_key != (key := email_key(self.email)):
            self.email_key = key
            if (names := kwargs.get("update_fields")) is not None:
                kwargs["update_fields"] = {*names, "email_key"}
        with transaction.atomic():
            super().save(*args, **kwargs)
            if is_new:
                Profile.objects.create(user=self)
            elif has_new_password or not self.is_active:
                Session.objects.end_all_of(self.pk, "password_changed" if self.is_active else "deactivated")

    def natural_key(self) -> tuple[str]:
        return (self.email,)
