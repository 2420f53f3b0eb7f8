"""Providers and their models, for staff."""

from llm.admin import models, providers  # noqa: F401
