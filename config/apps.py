from django.apps import AppConfig


class ParleyConfig(AppConfig):
    name = "config"
    label = "parley"
    verbose_name = "Parley"

    def ready(self) -> None:
        from common.memory import GIVE_BACK_SECONDS, give_back_memory
        from common.periodic import register_periodic
        from common.pooler import limit_transactions
        from config import checks  # noqa: F401

        limit_transactions()
        register_periodic("giving memory back", lambda: GIVE_BACK_SECONDS, give_back_memory)
