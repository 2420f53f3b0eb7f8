from django.apps import AppConfig
from django.contrib.admin import apps as admin


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        from accounts import receivers, schema  # noqa: F401
        from accounts.models import User
        from common.task_queue import register_authority

        register_authority(User.objects.may_act)


class StaffAdminConfig(admin.AdminConfig):
    """Django's admin with our site."""

    default = False
    default_site = "accounts.admin_site.StaffSite"
