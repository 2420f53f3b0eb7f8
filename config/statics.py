"""Static files, answered before Django: from the apps in development, from STATIC_ROOT in production."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.exceptions import SuspiciousFileOperation
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from servestatic import ServeStaticASGI


class DevelopmentFiles(ASGIStaticFilesHandler):
    def serve(self, request: HttpRequest) -> HttpResponse | FileResponse:
        """Send a file; one outside of the folders is not there, rather than a failure of ours."""
        try:
            return super().serve(request)
        except SuspiciousFileOperation as error:
            raise Http404 from error


def with_static_files(application: Any) -> Any:
    """Wrap the application; what is not below STATIC_URL passes untouched."""
    if settings.DEBUG:
        return DevelopmentFiles(application)
    if not Path(settings.STATIC_ROOT).is_dir():  # checked by `config.checks`; the API works without
        return application
    files = ServeStaticASGI(application, root=settings.STATIC_ROOT, prefix=settings.STATIC_URL)

    async def route(scope: Any, receive: Any, send: Any) -> None:
        below = scope["type"] == "http" and scope["path"].startswith(settings.STATIC_URL)
        await (files if below else application)(scope, receive, send)

    return route
