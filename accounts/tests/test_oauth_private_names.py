"""What is private in django-oauth-toolkit and yet leaned on: an upgrade that takes it away fails here, by name."""

import inspect
import re
from pathlib import Path

import pytest
from oauth2_provider import cimd
from oauth2_provider.cimd import SafeMetadataFetcher
from oauth2_provider.models import AccessToken, Application, Grant, RefreshToken
from oauth2_provider.oauth2_backends import OAuthLibCore
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.settings import DEFAULTS
from oauthlib.common import Request

from accounts.oauth import setup
from accounts.oauth.backend import Backend
from accounts.oauth.validator import Validator

OURS = Path(setup.__file__).parent
NAMES = {
    OAuth2Validator: [
        "_check_and_set_request_resource", "_check_secret", "_create_authorization_code", "_create_refresh_token",
        "_extract_basic_auth", "_load_application", "_save_bearer_token", "_set_token_value",
    ],
    OAuthLibCore: ["_get_escaped_full_path"],
    SafeMetadataFetcher: ["_read_document"],
    cimd: ["CIMDError", "_resolve_and_validate", "_validate_client_id_url"],
    Application: ["RegistrationSource", "redirect_uri_allowed", "registration_source"],
    Grant: ["code_challenge"],
    AccessToken: ["refresh_token", "resource", "source_refresh_token", "token_checksum"],
    RefreshToken: ["access_token", "resource", "revoked", "token_checksum", "token_family"],
}  # fmt: skip


@pytest.mark.parametrize(("owner", "name"), [(owner, name) for owner, names in NAMES.items() for name in names])
def test_the_name_is_there(owner: object, name: str) -> None:
    assert hasattr(owner, name)


def test_no_other_private_name_is_leaned_on() -> None:
    listed = {name for names in NAMES.values() for name in names}
    overridden = {name for kind in (Validator, Backend) for name in vars(kind) if re.match(r"_[a-z]", name)}
    source = "\n".join(path.read_text() for path in OURS.glob("*.py"))
    imported = set(re.findall(r"\b_\w+", "\n".join(re.findall(r"^from oauth.*import (.*)$", source, re.MULTILINE))))

    assert overridden | imported <= listed


def test_attributes_of_requests() -> None:
    source = inspect.getsource(OAuth2Validator)

    assert "request.refresh_token_instance" in source
    assert "request.resource" in source
    assert Request("https://app.example/", body="a=b").decoded_body == [("a", "b")]


def test_every_setting_is_known() -> None:
    """One that is not would be passed over in silence."""
    ours = setup.provider("https://site.example", ["chatgpt.com"], 1, 1)

    assert set(ours) <= set(DEFAULTS)
