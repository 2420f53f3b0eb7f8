from django.apps import AppConfig
from django.conf import settings

from common.periodic import register_periodic


class ChatsConfig(AppConfig):
    name = "chats"
    verbose_name = "Chats"

    def ready(self) -> None:
        from chats import receivers  # noqa: F401
        from chats.connections import CHECK_SECONDS, check_sessions
        from chats.services.change_retention import forget_changes
        from chats.turns.engine import sweep_turns
        from chats.turns.writes import forget_keys

        register_periodic("sweep of turns", lambda: settings.SWEEP_SECONDS, sweep_turns)
        register_periodic("check of open connections", lambda: CHECK_SECONDS, check_sessions)
        register_periodic("clearing of idempotency keys", lambda: 3600, forget_keys)
        register_periodic("forgetting of changes", lambda: 3600, forget_changes)
