from django.apps import AppConfig


class ParleyConfig(AppConfig):
    name = "config"
    label = "parley"
    verbose_name = "Parley"

    def ready(self) -> None:
        from config import checks  # noqa: F401
