from django.apps import AppConfig


class SocialConfig(AppConfig):
    """Installed only where a provider has its keys."""

    name = "accounts.social"
    verbose_name = "Sign-in with other sites"
