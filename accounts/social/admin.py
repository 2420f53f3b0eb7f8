"""Keeps allauth's tables out of the admin: they stay empty, and keys are set in the environment only."""

from django.apps import apps
from django.contrib import admin

for label in ("account", "socialaccount"):
    for model in apps.get_app_config(label).get_models():
        if admin.site.is_registered(model):
            admin.site.unregister(model)
