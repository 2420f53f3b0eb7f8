"""The ASGI application: one Django handler with a fast lane for the streaming paths, static files, and lifespan."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.conf import settings

from config.handler import Handler
from config.lifespan import with_lifespan
from config.response_headers import with_response_headers
from config.sockets import with_sockets
from config.statics import with_static_files

application = with_sockets(with_response_headers(with_static_files(Handler())))
if settings.METRICS:
    from ops.metrics.http import with_request_metrics

    application = with_request_metrics(application)
application = with_lifespan(application)
