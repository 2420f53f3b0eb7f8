from django.apps import AppConfig


class OAuthConfig(AppConfig):
    """The OAuth 2 provider; django-oauth-toolkit does the protocol, this app what is particular to us."""

    name = "accounts.oauth"
    verbose_name = "Connected apps"

    def ready(self) -> None:
        from accounts.oauth import receivers, schema  # noqa: F401
