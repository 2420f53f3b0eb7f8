"""Print the MiB that the libraries alone hold: Django with its admin, DRF, drf-spectacular, uvicorn, aiohttp."""

import importlib
import re
from pathlib import Path

import django
from django.conf import settings

CONTRIB = ("admin", "auth", "contenttypes", "sessions", "messages", "staticfiles")
OTHERS = (
    "rest_framework.views", "rest_framework.serializers", "drf_spectacular.openapi", "drf_spectacular.views",
    "uvicorn.protocols.http.httptools_impl", "uvloop", "aiohttp", "orjson",
)  # fmt: skip

if __name__ == "__main__":
    settings.configure(
        SECRET_KEY="x",
        INSTALLED_APPS=[*(f"django.contrib.{name}" for name in CONTRIB), "rest_framework", "drf_spectacular"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    )
    django.setup()
    for name in OTHERS:
        importlib.import_module(name)
    print(int(re.findall(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())[0]) / 1024)
