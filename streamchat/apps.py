from django.apps import AppConfig


class StreamChatConfig(AppConfig):
    name = "streamchat"
    verbose_name = "Stream Chat"

    def ready(self) -> None:
        from streamchat import checks, receivers  # noqa: F401
