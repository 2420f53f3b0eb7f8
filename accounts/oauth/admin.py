"""Keeps codes and tokens out of the admin; clients are in `client_admin`, which django-oauth-toolkit registers."""

from django.contrib import admin
from oauth2_provider.models import AccessToken, Grant, IDToken, RefreshToken

for model in (AccessToken, Grant, IDToken, RefreshToken):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
