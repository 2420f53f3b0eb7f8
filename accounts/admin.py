"""Users with their profile and devices, for staff. Hashes and secrets are not among the fields.

Nobody acts upon people with more rights than their own, and only superusers give rights.
"""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import GroupAdmin as StockGroupAdmin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.mail.tasks import enqueue_link
from accounts.models import Profile, Session, User
from accounts.services.deletion import delete_account
from accounts.services.mail_tokens import Purpose
from accounts.services.ranks import subordinate
from accounts.signals import profile_changing
from common.admin import ReadOnly, StaffAdmin, save_columns
from common.errors import Invalid

admin.site.unregister(Group)


def staff_of(request: HttpRequest) -> User:
    """Return who uses the admin."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


class ProfileInlineForm(ModelForm):  # type: ignore[type-arg]
    """Asks the other apps, as every change of a profile does."""

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        try:
            values = {name: found[name] for name in self.changed_data if name in found}
            profile_changing.send(Profile, user_id=self.instance.user_id, values=values)
        except Invalid as error:
            for field, texts in (error.errors or {}).items():
                self.add_error(field, texts)
        return found

    def save(self, commit: bool = True) -> Profile:
        profile: Profile = super().save(commit=False)
        if commit:
            save_columns(profile, self.changed_data)
        return profile


class ProfileInline(admin.StackedInline):  # type: ignore[type-arg]
    model = Profile
    form = ProfileInlineForm
    can_delete = False
    readonly_fields = ("avatar",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # it was made with its user


class PasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg]
    """Writes the password and nothing else of the account; switching it off secures the account as a new one does."""

    @transaction.atomic
    def save(self, commit: bool = True) -> User:
        user: User = super().save(commit=False)
        if commit:
            if not user.has_usable_password():
                user.secure("password_changed")
            user.save(update_fields=["password", "updated_at"])
        return user


SESSION_FIELDS = (
    "id",
    "kind",
    "created_at",
    "last_used_at",
    "expires_at",
    "ended_at",
    "end_reason",
    "user_agent",
    "ip",
)


class SessionInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = Session
    fields = readonly_fields = SESSION_FIELDS
    ordering = ("-last_used_at",)
    can_delete = False
    max_num = 0


@admin.register(Group)
class GroupAdmin(StaffAdmin, StockGroupAdmin):
    """A group is rights: only superusers touch one."""

    def within_reach(self, request: HttpRequest, rows: QuerySet[Group]) -> QuerySet[Group]:
        return rows if staff_of(request).is_superuser else rows.none()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and staff_of(request).is_superuser


@admin.register(User)
class UserAdmin(StaffAdmin, StockUserAdmin):  # type: ignore[type-arg]
    list_display = ("email", "username", "is_email_confirmed", "is_active", "is_staff", "created_at", "last_login")
    list_filter = ("is_active", "is_staff", "is_email_confirmed")
    search_fields = ("email", "username")
    ordering = ("-created_at",)
    readonly_fields = ("last_login", "created_at", "updated_at")
    add_form = AdminUserCreationForm
    change_password_form = PasswordForm
    fieldsets = (
        (None, {"fields": ("email", "username", "is_email_confirmed", "is_active")}),
        ("Rights", {"fields": ("is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Times", {"fields": ("last_login", "created_at", "updated_at")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "usable_password", "password1", "password2")}),)
    superuser_fields = ("is_email_confirmed", "is_staff", "is_superuser", "groups", "user_permissions")
    actions = ("deactivate", "resend_confirmation")

    def within_reach(self, request: HttpRequest, rows: QuerySet[User]) -> QuerySet[User]:
        return subordinate(staff_of(request), rows)

    def get_inlines(self, request: HttpRequest, obj: User | None) -> list[Any]:
        return [ProfileInline, SessionInline] if obj else []

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:  # the stock form shows parts of the password's hash
            kwargs["form"] = ModelForm
        return super().get_form(request, obj, change=change, **kwargs)

    def set_with(self, request: HttpRequest, form: Any) -> tuple[str, ...]:
        """Take the confirmation with the address: one that staff put in is one that nobody has proved."""
        if "email" not in form.changed_data or staff_of(request).is_superuser:
            return ()
        form.instance.is_email_confirmed = False
        return ("is_email_confirmed",)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        """Set somebody's password; one's own is changed where the old one is asked for, and guesses are counted."""
        if self.get_object(request, unquote(id)) == request.user:
            return redirect("page-password")
        return super().user_change_password(request, id, form_url)

    @admin.action(description="Deactivate: ends every session at once", permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Close accounts without deleting anything."""
        for user in queryset.exclude(pk=request.user.pk or 0):
            user.is_active = False
            user.save(update_fields=["is_active", "updated_at"])
        self.message_user(request, "Deactivated; your own account is never among them.")

    @admin.action(description="Send the confirmation mail again", permissions=["change"])
    def resend_confirmation(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Mail a new link to those that have not confirmed yet."""
        for user in queryset.filter(is_email_confirmed=False, is_active=True):
            enqueue_link(Purpose.CONFIRM, user, user.email)
        self.message_user(request, "The mails are on their way.")

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        delete_account(obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user_id in list(queryset.values_list("pk", flat=True)):
            delete_account(user_id)


@admin.register(Session)
class SessionAdmin(ReadOnly, StaffAdmin):
    list_display = ("id", "user", "kind", "created_at", "last_used_at", "ended_at", "end_reason")
    list_filter = ("kind", "end_reason")
    list_select_related = ("user",)
    search_fields = ("user__email",)
    fields = readonly_fields = ("user", *SESSION_FIELDS)
    ordering = ("-last_used_at",)
    actions = ("end",)

    def within_reach(self, request: HttpRequest, rows: QuerySet[Session]) -> QuerySet[Session]:
        return rows.filter(user__in=subordinate(staff_of(request), User.objects.all()))

    @admin.action(description="End these sessions", permissions=["delete"])
    def end(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        """Sign these devices out."""
        count = Session.objects.filter(pk__in=queryset.values("pk")).end("ended_by_staff")
        self.message_user(request, f"Ended: {count}.")
