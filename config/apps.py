from django.apps import AppConfig


class ParleyConfig(AppConfig):
    name = "config"
    label = "parley"
    verbose_name = "Parley"

    def ready(self) -> None:
        from common.pooler import limit_transactions
        from config import checks  # noqa: F401

        limit_transactions()
