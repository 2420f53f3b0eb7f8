from django.apps import AppConfig
from django.conf import settings

from common.periodic import register


class ChatsConfig(AppConfig):
    name = "chats"
    verbose_name = "Chats"

    def ready(self) -> None:
        from chats import receivers
        from chats.connections import CHECK_SECONDS, check_sessions
        from chats.turns.engine import sweep
        from chats.turns.writes import forget_keys

        receivers.connect()
        register("sweep of turns", lambda: settings.SWEEP_SECONDS, sweep)
        register("check of open connections", lambda: CHECK_SECONDS, check_sessions)
        register("clearing of idempotency keys", lambda: 3600, forget_keys)
