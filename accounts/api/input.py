"""The forms of the account addresses."""

from typing import Any

from rest_framework import serializers

from accounts.models.profile import validate_time_zone
from accounts.models.user import USERNAME
from accounts.normalise import email_key
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
    preferred_model = TextField(max_length=200, allow_blank=True, required=False)


class AvatarInput(serializers.Serializer[Any]):
    avatar = serializers.FileField(help_text="PNG, JPEG, WebP or GIF.")
