"""Requests that live by the cookie are refused from other sites."""

import pytest

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("origin", ["http://localhost:5173", "http://localhost:8000", "http://testserver"])
def test_listed_origins_may_refresh(as_alice, origin):
    assert as_alice.refresh(HTTP_ORIGIN=origin).status_code == 200


@pytest.mark.parametrize(
    "origin", ["null", "https://evil.example", "http://localhost:5173.evil.example", "", "https://testserver"]
)
@pytest.mark.parametrize("path", ["/api/token/refresh/", "/api/logout/", "/api/token/refresh", "/api/logout"])
def test_foreign_origins_change_nothing(as_alice, origin, path):
    response = as_alice.post(path, HTTP_ORIGIN=origin)

    assert response.status_code == 403
    assert response.json()["code"] == "origin_refused"
    assert not response.cookies
    assert as_alice.refresh().status_code == 200


def test_a_client_without_an_origin_passes(as_alice):
    assert as_alice.refresh().status_code == 200


def test_a_pre_flight_is_answered_for_listed_origins_only(api):
    def allowed(origin: str) -> str | None:
        response = api.options("/api/token/refresh/", HTTP_ORIGIN=origin, HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST")
        assert response.get("Access-Control-Allow-Credentials") == ("true" if "5173" in origin else None)
        return response.get("Access-Control-Allow-Origin")

    assert allowed("http://localhost:5173") == "http://localhost:5173"
    assert allowed("https://evil.example") is None


@pytest.mark.parametrize(
    "path", ["token/refresh", "logout", "logout-all", "register", "token", "ws-ticket", "password-reset"]
)
def test_get_changes_nothing(as_alice, path):
    assert as_alice.get(f"/api/{path}/").status_code == 405
    assert as_alice.refresh().status_code == 200


def test_a_form_of_another_site_cannot_sign_a_browser_in(api, alice):
    response = api.post("/api/token/", data="email=a", content_type="application/x-www-form-urlencoded")

    assert response.status_code == 415
