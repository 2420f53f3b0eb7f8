from django.apps import AppConfig

from common.periodic import register_periodic


class CommonConfig(AppConfig):
    name = "common"
    verbose_name = "Background work"

    def ready(self) -> None:
        from common.task_queue import forget_finished

        register_periodic("clearing of finished tasks", lambda: 3600, forget_finished)
