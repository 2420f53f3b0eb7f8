"""The forms of our own pages; what they mean is decided by the services."""

from typing import Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm

from accounts.errors import TooManyAttempts
from accounts.locales import canonical_locale
from accounts.models import Profile
from accounts.models.profile import time_zones
from accounts.models.user import USERNAME
from accounts.normalise import email_key
from accounts.services.credentials import MAX_PASSWORD
from common.errors import ParleyError


class AdminSignInForm(AdminAuthenticationForm):
    """The admin's form, which says so when there were too many attempts."""

    refusal: TooManyAttempts | None = None

    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()
        except TooManyAttempts as refusal:
            self.refusal = refusal
            raise forms.ValidationError(refusal.detail) from refusal


class PasswordFormField(forms.CharField):
    """Any characters, exactly as typed."""

    def __init__(self, label: str = "Password", new: bool = False) -> None:
        hint = "new-password" if new else "current-password"
        widget = forms.PasswordInput({"autocomplete": hint})
        super().__init__(label=label, strip=False, max_length=MAX_PASSWORD, widget=widget)


class EmailFormField(forms.EmailField):
    def __init__(self, label: str = "E-mail address") -> None:
        super().__init__(label=label, max_length=254, widget=forms.EmailInput({"autocomplete": "email"}))

    def clean(self, value: Any) -> Any:
        address = super().clean(value)
        if len(email_key(address)) > 254 or not address.isprintable():
            raise forms.ValidationError("Enter a valid email address.")
        return address


class ServiceForm(forms.Form):
    """A form that shows the refusal of a service at the field it belongs to."""

    def refuse(self, refusal: ParleyError) -> None:
        for field, messages in refusal.errors.items():
            for message in messages:
                self.add_error(field if field in self.fields else None, message)


class SignInForm(ServiceForm):
    email = EmailFormField()
    password = PasswordFormField()


class RegisterForm(ServiceForm):
    email = EmailFormField()
    password = PasswordFormField(new=True)
    username = forms.CharField(
        label="Name (optional)", max_length=25, required=False, validators=[USERNAME],
        widget=forms.TextInput({"autocomplete": "username"}),
    )  # fmt: skip


class ResetForm(ServiceForm):
    email = EmailFormField()


class TokenForm(ServiceForm):
    """Carries the token of a mail link from the page with the button to the answer."""

    token = forms.CharField(max_length=200, widget=forms.HiddenInput)


class NewPasswordForm(TokenForm):
    password = PasswordFormField("New password", new=True)


class ChangePasswordForm(ServiceForm):
    old_password = PasswordFormField("Present password")
    new_password = PasswordFormField("New password", new=True)


class ChangeEmailForm(ServiceForm):
    email = EmailFormField("New e-mail address")
    password = PasswordFormField()


class DeleteForm(ServiceForm):
    password = PasswordFormField()


class AvatarForm(ServiceForm):
    avatar = forms.FileField(
        label="Picture (PNG, JPEG, WebP or GIF)",
        widget=forms.FileInput({"accept": "image/png,image/jpeg,image/webp,image/gif"}),
    )


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    timezone = forms.TypedChoiceField(
        label="Time zone", choices=lambda: [(name, name) for name in sorted(time_zones())]
    )

    class Meta:
        model = Profile
        fields = ("first_name", "last_name", "timezone", "locale", "preferred_model")

    def clean_locale(self) -> str:
        tag: str = self.cleaned_data["locale"]
        return canonical_locale(tag) if tag else ""
