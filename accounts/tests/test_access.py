"""What lets somebody in, and what does not."""

import time

import jwt
import pytest
import time_machine
from django.conf import settings as django_settings
from django.test import RequestFactory
from django.utils import timezone
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from accounts.access import Claims, Viewer, bearer_claims, load_viewer, require_confirmed
from accounts.errors import EmailNotConfirmed, SessionEnded, TokenInvalid
from accounts.models import Session, User
from accounts.services.tickets import consume_ticket
from common.errors import NotSignedIn

pytestmark = pytest.mark.django_db


def request_with(token: str):
    return RequestFactory().get("/", HTTP_AUTHORIZATION=f"Bearer {token}")


@pytest.fixture
def token(as_alice) -> str:
    return as_alice._credentials["HTTP_AUTHORIZATION"].split()[1]


def test_claims_are_read_without_the_database(token, alice, django_assert_num_queries):
    with django_assert_num_queries(0):
        claims = bearer_claims(request_with(token))

    assert claims == Claims(alice.pk, Session.objects.get().pk)


def test_the_viewer_is_loaded_with_one_statement(token, alice, django_assert_num_queries):
    claims = bearer_claims(request_with(token))

    with django_assert_num_queries(1):
        viewer = load_viewer(claims)

    assert viewer == Viewer(alice.pk, claims.session_id, True, "UTC", "", False)


def test_a_drf_view_asks_the_database_once_for_session_user_and_profile(as_alice, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert as_alice.get("/api/profile/").status_code == 200


def test_a_session_of_one_user_does_not_let_another_in(token, bob):
    session = bearer_claims(request_with(token)).session_id

    with pytest.raises(SessionEnded):
        load_viewer(Claims(bob.pk, session))


def forged(**changes):
    claims = {**AccessToken().payload, "aud": "parley", "user_id": "1", "sid": "0" * 32, **changes}
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, django_settings.SECRET_KEY, "HS256")


@pytest.mark.parametrize("make", [
    lambda: "",
    lambda: "x.y.z",
    lambda: "é.é.é",
    lambda: str(RefreshToken()),
    lambda: forged(token_type="refresh"),
    lambda: forged(token_type=None),
    lambda: forged(aud="another"),
    lambda: forged(aud=None),
    lambda: forged(sid=None),
    lambda: forged(sid="nonsense"),
    lambda: forged(user_id="x"),
    *(lambda wrong=wrong: forged(sid=wrong) for wrong in (True, 0, ["0" * 32], {"hex": "0" * 32})),
    *(lambda wrong=wrong: forged(user_id=wrong) for wrong in (1, True, 1.0, ["1"])),
    *(lambda wrong=wrong: forged(user_id=wrong) for wrong in ("", "0", "-1", "1_0", "\u0661", "9" * 19)),
    *(lambda wrong=wrong: forged(exp=wrong) for wrong in ("4102444800", 4102444800.5, True, [], 10**12, 10**30)),
    *(lambda wrong=wrong: forged(exp=float(wrong)) for wrong in ("nan", "inf", "-inf")),
    lambda: forged(iat="soon"),
    lambda: forged(exp=1),
    lambda: forged(exp=None),
    lambda: jwt.encode(AccessToken().payload, "another key" * 4, "HS256"),
    lambda: jwt.encode(AccessToken().payload, None, "none"),
])  # fmt: skip
def test_only_a_genuine_access_token_is_one(make):
    with pytest.raises(TokenInvalid):
        bearer_claims(request_with(make()))


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_clock_half_a_minute_behind_the_issuers_is_forgiven(claim):
    now = int(time.time())

    assert bearer_claims(request_with(forged(**{claim: now + 25}))).user_id == 1
    with pytest.raises(TokenInvalid):
        bearer_claims(request_with(forged(**{claim: now + 60})))


def test_a_token_is_over_when_it_says_so():
    for token in (forged(exp=int(time.time()) - 1), forged(exp=int(time.time()))):
        with pytest.raises(TokenInvalid):
            bearer_claims(request_with(token))


def test_a_token_that_was_good_a_second_ago_is_over_too(token):
    assert bearer_claims(request_with(token))
    end = timezone.now() + django_settings.SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"]
    with time_machine.travel(end), pytest.raises(TokenInvalid):
        bearer_claims(request_with(token))


@pytest.mark.parametrize("header", ["", "Basic abc", "Token abc", "Bearer"])
def test_without_a_bearer_token_nobody_is_signed_in(header):
    with pytest.raises(NotSignedIn):
        bearer_claims(RequestFactory().get("/", HTTP_AUTHORIZATION=header))


def test_no_credential_is_taken_for_another_kind(as_alice, token, api):
    ticket = as_alice.post("/api/ws-ticket/").json()["ticket"]

    for wrong in (as_alice.cookie, ticket):
        assert api.bear(wrong).get("/api/users/self/").status_code == 401
    api.credentials()
    assert api.get(f"/api/users/self/?access={token}&token={token}").status_code == 401
    for wrong in (token, ticket):
        api.cookie = wrong
        assert api.refresh().status_code == 401
    for wrong in (token, as_alice.cookie):
        with pytest.raises(TokenInvalid):
            consume_ticket(wrong)
        assert api.post("/api/confirmation-email/confirm/", {"token": wrong}).json()["code"] == "invalid_token"


def test_a_refused_request_says_how_to_sign_in(api):
    response = api.get("/api/users/self/")

    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert response["Content-Type"] == "application/problem+json"


def test_an_unconfirmed_address_is_a_403_of_its_own_unless_the_operator_lifts_it(alice, settings):
    viewer = Viewer(alice.pk, None, False, "UTC", "", False)

    with pytest.raises(EmailNotConfirmed) as refusal:
        require_confirmed(viewer)
    settings.REQUIRE_CONFIRMED_EMAIL = False
    require_confirmed(viewer)

    assert (refusal.value.status, refusal.value.code) == (403, "email_not_confirmed")


def test_a_user_without_a_profile_row_still_gets_in(token, alice):
    User.objects.get(pk=alice.pk).profile.delete()

    assert load_viewer(bearer_claims(request_with(token))).timezone == "UTC"
