from django.apps import AppConfig
from django.db.models.signals import post_delete, post_save

from common.periodic import register_periodic


class LlmConfig(AppConfig):
    name = "llm"
    verbose_name = "Models"
    default_auto_field = "django.db.models.AutoField"

    def ready(self) -> None:
        from llm.models import CatalogVersion, Model, ModelGroup, Provider
        from llm.signals import rows_changed
        from llm.snapshot import LOOK_SECONDS, look, refresh_server

        for kind in (Provider, Model, ModelGroup):
            for signal in (post_save, post_delete):
                signal.connect(CatalogVersion.renew, sender=kind, dispatch_uid=f"catalog {kind.__name__}")
        rows_changed.connect(refresh_server)
        register_periodic("look at the models", lambda: LOOK_SECONDS, look)
