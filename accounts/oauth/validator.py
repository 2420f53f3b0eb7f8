"""What django-oauth-toolkit asks us: clients, redirect URIs, codes, tokens.

Every exchange of a code or refresh token locks its AppGrant first (order of locks: `accounts.oauth.revocation`),
so parallel ones come one after the other. The caller wraps each in one transaction.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import F
from django.utils import timezone
from oauth2_provider.models import AccessToken, RefreshToken
from oauth2_provider.models import Grant as Code
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.oauth2.rfc6749 import errors

from accounts.models.tokens import hash_of
from accounts.oauth import client_documents, clients, grants
from accounts.oauth.models import AppGrant
from accounts.oauth.revocation import end
from accounts.oauth.scopes import known_resource
from common.text import is_storable

LOOPBACK = ("http://127.0.0.1", "http://[::1]", "http://localhost")


class Validator(OAuth2Validator):
    # --- Clients ---

    def _load_application(self, client_id: Any, request: Any) -> Any:
        """Return a client that may be used now; what no client id can be does not reach the database."""
        if not client_id or len(client_id) > clients.CLIENT_ID_CHARS or not is_storable(client_id):
            return None
        try:
            found = super()._load_application(client_id, request)
        except ValueError:  # an address that cannot be read
            return None
        described = found is not None and found.registration_source == found.RegistrationSource.CIMD
        if described and not client_documents.is_listed(client_id):
            found = request.client = None
        return found

    def _extract_basic_auth(self, request: Any) -> str | None:
        scheme, _, encoded = request.headers.get("HTTP_AUTHORIZATION", "").partition(" ")
        return encoded.strip() if scheme.lower() == "basic" and encoded.isascii() else None

    def _check_secret(self, provided_secret: str, stored_secret: str) -> bool:
        return clients.secret_matches(provided_secret, stored_secret)

    def is_pkce_required(self, client_id: str, request: Any) -> bool:
        return clients.needs_pkce(request.client)

    # --- Redirect URIs ---

    def validate_redirect_uri(self, client_id: str, redirect_uri: str, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Compare strings; only a loopback address may have any port (RFC 8252, 7.3)."""
        if not clients.may_be_sent_to(redirect_uri, is_public=clients.is_public(request.client)):
            return False
        if redirect_uri in request.client.redirect_uris.split():
            return True
        try:
            return redirect_uri.startswith(LOOPBACK) and request.client.redirect_uri_allowed(redirect_uri)
        except ValueError:
            return False

    def get_default_redirect_uri(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> str | None:
        """Return the code's own where PKCE ties the code to the client already (OAuth 2.1); else it must be sent."""
        code = Code.objects.filter(code=request.code or "", application=request.client).first()
        return code.redirect_uri if code and code.code_challenge else None

    def confirm_redirect_uri(self, *args: Any, **kwargs: Any) -> bool:
        if not super().confirm_redirect_uri(*args, **kwargs):
            raise errors.InvalidGrantError("The redirect_uri is not the one that the code was given for.")
        return True

    # --- Codes: those in the database are hashes, and so is `request.code` (see `accounts.oauth.backend`) ---

    def _create_authorization_code(self, request: Any, code: dict[str, str], expires: Any = None) -> Any:
        request.nonce = request.claims = None  # OpenID Connect's
        hashed = hash_of(code["code"])
        grants.record_consent(request, hashed)
        return super()._create_authorization_code(request, {**code, "code": hashed}, expires)

    def validate_code(self, client_id: str, code: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Accept a code once; the second use ends what came from the first, too."""
        grant = grants.locked(code_hash=code, application=client)
        if grant is None:
            return False
        if grant.code_used_at is not None:
            end(AppGrant.objects.filter(pk=grant.pk), "code_reused")
            return False
        request.app_grant = grant
        return grants.is_alive(grant) and bool(super().validate_code(client_id, code, client, request))

    def get_code_challenge(self, code: str, request: Any) -> str | None:
        """Return the challenge of a code. A verifier without one is a downgrade (RFC 9700, 2.1.1), so it is refused."""
        challenge: str | None = super().get_code_challenge(code, request)
        if challenge is None and request.code_verifier is not None:
            raise errors.InvalidGrantError("The code was asked for without a code_challenge.", request=request)
        return challenge

    def invalidate_authorization_code(self, client_id: str, code: str, request: Any, *args: Any, **kwargs: Any) -> None:
        super().invalidate_authorization_code(client_id, code, request)
        AppGrant.objects.filter(pk=request.app_grant.pk).update(code_used_at=timezone.now())

    # --- Tokens ---

    def validate_refresh_token(self, refresh_token: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Accept the newest of the family, and for a short while the one before it; an older one ends the family."""
        mine = RefreshToken.objects.filter(token_checksum=hash_of(refresh_token), application=client)
        family = mine.values_list("token_family", flat=True).first()
        grant = grants.locked(pk=family) if family else None
        if grant is None or not grants.is_alive(grant):
            return False
        found = mine.order_by(F("revoked").desc(nulls_first=True)).first()  # again, now that nobody else changes it
        if found is None or not _is_fresh(found):
            end(AppGrant.objects.filter(pk=grant.pk), "refresh_reused")
            return False
        request.user, request.app_grant = grant.user, grant
        request.refresh_token, request.refresh_token_instance = refresh_token, found
        return True

    def get_original_scopes(self, refresh_token: str, request: Any, *args: Any, **kwargs: Any) -> list[str]:
        """Return what was granted: an access token with less does not shrink the grant."""
        return list(request.app_grant.scopes)

    def _check_and_set_request_resource(self, request: Any) -> None:
        """Set the audience (RFC 8707): what is asked for, of what was granted; all of that where nothing is."""
        asked = [value for name, value in request.decoded_body or [] if name == "resource"]
        known = [known_resource(text) for text in asked]
        if not set(known) <= set(request.app_grant.resources):
            raise errors.CustomOAuth2Error("invalid_target", "This resource was not granted.", request=request)
        request.resource = list(dict.fromkeys(known)) or request.app_grant.resources

    def _create_refresh_token(self, request: Any, code: str, access_token: Any, previous: Any) -> Any:
        made = RefreshToken(
            user=request.user, application=request.client, access_token=access_token,
            token_family=request.app_grant.pk, resource=request.app_grant.resources,
        )  # fmt: skip
        self._set_token_value(made, code)
        made.save()
        return made

    def _save_bearer_token(self, token: dict[str, Any], request: Any, *args: Any, **kwargs: Any) -> None:
        """Store the pair. Inside the grace it is there already, as hashes; the computed values are the same ones."""
        computed = {name: token[name] for name in ("access_token", "refresh_token")}
        super()._save_bearer_token(token, request, *args, **kwargs)
        token.update(computed)
        stored = AccessToken.objects.filter(token_checksum=hash_of(token["access_token"])).first()
        if stored is None:  # the server's secret has changed in between
            raise errors.InvalidGrantError(request=request)
        token["expires_in"] = max(1, round((stored.expires - timezone.now()).total_seconds()))
        grants.go_on(request.app_grant)

    def revoke_token(self, token: str, token_type_hint: str, request: Any, *args: Any, **kwargs: Any) -> None:
        """End the whole grant, by whichever of its tokens; one of another client's is unknown here (RFC 7009)."""
        refresh = RefreshToken.objects.filter(application=request.client)
        mine = refresh.filter(token_checksum=hash_of(token)) | refresh.filter(
            access_token__token_checksum=hash_of(token)
        )
        end(AppGrant.objects.filter(pk__in=list(mine.values_list("token_family", flat=True))), "revoked_by_app")


def _is_fresh(token: Any) -> bool:
    """Tell whether a refresh token is the newest, or was until just now and its successor has not been used."""
    if token.revoked is None:
        return True
    recently = token.revoked > timezone.now() - timedelta(seconds=settings.OAUTH_GRACE_SECONDS)
    return bool(recently and AccessToken.objects.filter(source_refresh_token=token).exists())
