"""What the account addresses take, and what accounts look like from outside."""

from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.urls import reverse
from rest_framework import serializers

from accounts.locales import LOCALE_CHARS, canonical_locale
from accounts.models import Profile, Session, User
from accounts.models.profile import validate_time_zone
from accounts.models.user import USERNAME
from accounts.normalise import email_key
from accounts.security.network import network_of
from accounts.services.credentials import MAX_PASSWORD
from common.drf import TextField

MAX_EMAIL, MAX_SECRET = 254, 2000


class PasswordField(TextField):
    """Any characters, exactly as typed."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_PASSWORD, write_only=True, **kwargs)


class NewEmailField(serializers.EmailField):
    """A real address; compared addresses must fit the column too."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_EMAIL, validators=[_fits, _printable], **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


def _fits(address: str) -> None:
    if len(email_key(address)) > MAX_EMAIL:
        raise serializers.ValidationError("This address is too long.")


def _printable(address: str) -> None:
    if not address.isprintable() or " " in address:
        raise serializers.ValidationError("Enter a valid email address.")


class UsernameField(TextField):
    def __init__(self, **kwargs: Any) -> None:
        kwargs = {"required": False, "allow_null": True, "allow_blank": True, **kwargs}
        super().__init__(max_length=25, validators=[_username], **kwargs)


def _username(name: str) -> None:
    if name:
        USERNAME(name)


class RegisterInput(serializers.Serializer[Any]):
    email = NewEmailField()
    password = PasswordField()
    username = UsernameField(default=None)


class TokenInput(serializers.Serializer[Any]):
    email = TextField(max_length=MAX_EMAIL)
    password = PasswordField()


class UserInput(serializers.Serializer[Any]):
    username = UsernameField()


class PasswordInput(serializers.Serializer[Any]):
    password = PasswordField()


class ResendInput(serializers.Serializer[Any]):
    email = TextField(max_length=MAX_EMAIL, required=False, help_text="For clients that are not signed in.")


class EmailInput(serializers.Serializer[Any]):
    email = TextField(max_length=MAX_EMAIL)


class MailTokenInput(serializers.Serializer[Any]):
    token = TextField(max_length=MAX_SECRET)


class ResetInput(serializers.Serializer[Any]):
    token = TextField(max_length=MAX_SECRET)
    password = PasswordField()


class ChangePasswordInput(serializers.Serializer[Any]):
    old_password = PasswordField()
    new_password = PasswordField()


class ChangeEmailInput(serializers.Serializer[Any]):
    email = NewEmailField()
    password = PasswordField()


class ProfileInput(serializers.Serializer[Any]):
    first_name = TextField(max_length=150, allow_blank=True, required=False)
    last_name = TextField(max_length=150, allow_blank=True, required=False)
    timezone = TextField(max_length=64, validators=[validate_time_zone], required=False, help_text="IANA name.")
    locale = TextField(max_length=LOCALE_CHARS, allow_blank=True, required=False, help_text="BCP 47, as de or pt-BR.")
    preferred_model = TextField(max_length=200, allow_blank=True, required=False)

    def validate_locale(self, tag: str) -> str:
        return canonical_locale(tag) if tag else ""


class AvatarInput(serializers.Serializer[Any]):
    avatar = serializers.FileField(help_text="PNG, JPEG, WebP or GIF.")


class UserOutput(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = (
            "id", "email", "username", "is_email_confirmed", "is_staff", "last_login", "created_at", "updated_at"
        )  # fmt: skip
        read_only_fields = fields


class SignedInOutput(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="JWT for `Authorization: Bearer`; minutes of life.")
    user = UserOutput()


class AccessOutput(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="JWT for `Authorization: Bearer`; minutes of life.")


class StatusOutput(serializers.Serializer[Any]):
    status = serializers.CharField()


class TicketOutput(serializers.Serializer[Any]):
    ticket = serializers.CharField(help_text="Works once, for 60 seconds.")


class ProfileOutput(serializers.ModelSerializer[Profile]):
    avatar = serializers.SerializerMethodField(help_text="Address of the picture, or null.")

    class Meta:
        model = Profile
        fields = ("first_name", "last_name", "avatar", "timezone", "locale", "preferred_model")
        read_only_fields = fields

    def get_avatar(self, profile: Profile) -> str | None:
        """Return the address of the picture, on this site whatever the request says."""
        return f"{settings.SITE_URL}{avatar_url(profile)}" if profile.avatar else None


def avatar_url(profile: Profile) -> str:
    """Return the path of the picture."""
    return reverse("avatar", args=[profile.avatar])


class SessionOutput(serializers.ModelSerializer[Session]):
    network = serializers.SerializerMethodField(help_text="Network that the session was started from.")
    is_current = serializers.SerializerMethodField(help_text="Whether this request came from it.")

    class Meta:
        model = Session
        fields = ("id", "kind", "user_agent", "network", "created_at", "last_used_at", "expires_at", "is_current")
        read_only_fields = fields

    def get_network(self, session: Session) -> str:
        return shown_network(session)

    def get_is_current(self, session: Session) -> bool:
        return bool(session.pk == self.context["current"])


def shown_network(session: Session) -> str:
    """Return the network of a session as its owner is shown it."""
    return network_of(ip_address(session.ip)) if session.ip else ""
