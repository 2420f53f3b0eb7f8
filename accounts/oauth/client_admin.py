"""The clients, for staff."""

from typing import Any

from django.contrib import admin, messages
from django.forms import ModelForm
from django.http import HttpRequest
from oauth2_provider.generators import generate_client_secret
from oauth2_provider.models import Application

from accounts.oauth import clients
from common.admin import StaffAdmin

WHERE_TO = "use https; http to 127.0.0.1, [::1] or localhost; or, for public clients, a scheme such as com.example.app."


class ClientAdmin(StaffAdmin):
    """Secrets are made by the server for superusers, shown once, and masked from then on."""

    list_display = ("name", "client_id", "client_type", "registration_source", "updated")
    list_filter = ("client_type", "registration_source")
    search_fields = ("name", "client_id")
    fields = ("name", "client_id", "client_type", "redirect_uris", "masked_secret", "registration_source", "updated")
    readonly_fields = ("client_id", "masked_secret", "registration_source", "updated")
    superuser_fields = ("client_type", "redirect_uris")
    actions = ("new_secret",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and self.has_secrets_permission(request)

    def has_secrets_permission(self, request: HttpRequest) -> bool:
        """Tell who may have secrets made: who holds one can ask users for what they have."""
        return bool(request.user.is_superuser)

    @admin.display(description="client secret")
    def masked_secret(self, application: Any) -> str:
        public = application.client_type == Application.CLIENT_PUBLIC
        return "none: public clients prove themselves by PKCE" if public else "•••••••• (stored as a hash)"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        described_elsewhere = obj is not None and obj.registration_source != Application.RegistrationSource.MANUAL
        fixed = ("name", "redirect_uris") if described_elsewhere else ()
        return (*super().get_readonly_fields(request, obj), *fixed, *(("client_type",) if obj else ()))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change=change, form=ClientForm, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        secret = "" if change else generate_client_secret()
        if not change:
            obj.client_secret = secret
        super().save_model(request, obj, form, change)
        if secret and obj.client_type == Application.CLIENT_CONFIDENTIAL:
            messages.warning(request, f"The client secret, shown this once: {secret}")

    @admin.action(description="Make a new secret: the old one ends at once", permissions=["secrets"])
    def new_secret(self, request: HttpRequest, queryset: Any) -> None:
        """Replace the secrets of confidential clients."""
        for application in queryset.filter(client_type=Application.CLIENT_CONFIDENTIAL):
            secret = application.client_secret = generate_client_secret()
            application.save()
            messages.warning(request, f"The new secret of {application}, shown this once: {secret}")


class ClientForm(ModelForm):  # type: ignore[type-arg]
    """Every client uses the code grant; which redirect URIs there may be we say, the rest the model's own checks."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.authorization_grant_type = Application.GRANT_AUTHORIZATION_CODE

    def clean(self) -> dict[str, Any] | None:
        found = super().clean()
        addresses = self.cleaned_data.get("redirect_uris", self.instance.redirect_uris).split()
        kind = self.cleaned_data.get("client_type", self.instance.client_type)
        public = kind == Application.CLIENT_PUBLIC
        wrong = [address for address in addresses if not clients.may_be_sent_to(address, is_public=public)]
        if wrong and "redirect_uris" in self.fields:  # others read them only
            self.add_error("redirect_uris", f"{wrong[0]}: {WHERE_TO}")
        schemes = {address.partition(":")[0].lower() for address in addresses}
        self.instance.get_allowed_schemes = lambda: schemes
        return found
