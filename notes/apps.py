from django.apps import AppConfig

from common.text_sources import register_text_source


class NotesConfig(AppConfig):
    name = "notes"
    verbose_name = "Notes"

    def ready(self) -> None:
        from notes import receivers, tools  # noqa: F401
        from notes.services import SOURCE

        register_text_source(SOURCE)
