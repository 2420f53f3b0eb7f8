from django.apps import AppConfig

from common.periodic import register_periodic


class FilesConfig(AppConfig):
    name = "files"
    verbose_name = "Files"

    def ready(self) -> None:
        from files import receivers  # noqa: F401
        from files.sweep import SWEEP_SECONDS, sweep_files

        register_periodic("sweep of files", lambda: SWEEP_SECONDS, sweep_files)
