from django.apps import AppConfig
from django.conf import settings

from common.periodic import register_periodic


class StreamChatConfig(AppConfig):
    name = "streamchat"
    verbose_name = "Stream Chat"

    def ready(self) -> None:
        from streamchat import checks, receivers  # noqa: F401
        from streamchat.worker import sweep_replies

        register_periodic("sweep of replies for Stream", lambda: settings.SWEEP_SECONDS, sweep_replies)
