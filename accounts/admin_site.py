"""The admin's site: our name on it, and a sign-in that refuses like every other door with a password."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse

from accounts.pages.forms import AdminSignInForm
from common.problems import headers_of


class StaffSite(AdminSite):
    site_header = site_title = "Parley"
    login_form = AdminSignInForm

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the form, and with what status it was refused."""
        response = super().login(request, extra_context)
        form = (getattr(response, "context_data", None) or {}).get("form")
        if (refusal := getattr(form, "refusal", None)) is not None:
            response.status_code = refusal.status
            for name, value in headers_of(refusal).items():
                response[name] = value
        return response
