"""What accounts look like from outside."""

from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.urls import reverse
from rest_framework import serializers

from accounts.models import Profile, Session, User
from accounts.security.network import network_of


class UserOutput(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = (
            "id", "email", "username", "is_email_confirmed", "is_staff", "last_login", "created_at", "updated_at"
        )  # fmt: skip
        read_only_fields = fields


class SignedInOutput(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="JWT for `Authorization: Bearer`; minutes of life.")
    user = UserOutput()


class AccessOutput(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="JWT for `Authorization: Bearer`; minutes of life.")


class StatusOutput(serializers.Serializer[Any]):
    status = serializers.CharField()


class TicketOutput(serializers.Serializer[Any]):
    ticket = serializers.CharField(help_text="Works once, for 60 seconds.")


class ProfileOutput(serializers.ModelSerializer[Profile]):
    avatar = serializers.SerializerMethodField(help_text="Address of the picture, or null.")

    class Meta:
        model = Profile
        fields = ("first_name", "last_name", "avatar", "timezone", "preferred_model")
        read_only_fields = fields

    def get_avatar(self, profile: Profile) -> str | None:
        """Return the address of the picture, on this site whatever the request says."""
        return f"{settings.SITE_URL}{avatar_url(profile)}" if profile.avatar else None


def avatar_url(profile: Profile) -> str:
    """Return the path of the picture."""
    return reverse("avatar", args=[profile.avatar])


class SessionOutput(serializers.ModelSerializer[Session]):
    network = serializers.SerializerMethodField(help_text="Network that the session was started from.")
    is_current = serializers.SerializerMethodField(help_text="Whether this request came from it.")

    class Meta:
        model = Session
        fields = ("id", "kind", "user_agent", "network", "created_at", "last_used_at", "expires_at", "is_current")
        read_only_fields = fields

    def get_network(self, session: Session) -> str:
        return shown_network(session)

    def get_is_current(self, session: Session) -> bool:
        return bool(session.pk == self.context["current"])


def shown_network(session: Session) -> str:
    """Return the network of a session as its owner is shown it."""
    return network_of(ip_address(session.ip)) if session.ip else ""
