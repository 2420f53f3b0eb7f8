"""No input makes an account address fail: a refusal in the one shape, whatever is sent."""

import pytest

pytestmark = pytest.mark.django_db

FORMS = {
    "register": ("post", ["email", "password"]),
    "token": ("post", ["email", "password"]),
    "confirmation-email/confirm": ("post", ["token"]),
    "password-reset": ("post", ["email"]),
    "password-reset/confirm": ("post", ["token", "password"]),
    "change-password": ("post", ["old_password", "new_password"]),
    "change-email": ("post", ["email", "password"]),
    "users/self": ("delete", ["password"]),
}
VALUES = ["", None, 7, 1.5, True, [], ["x"], {}, {"a": 1}, "\x00", "a\x00b@example.com", "\ud800", "x" * 100_000, "١٢٣"]
BODIES = [
    b"{",
    b"nonsense",
    b"[]",
    b'"text"',
    b"7",
    b"null",
    b"[" * 200_000,
    b'{"email":' * 100_000,
    b"\xff\xfe",
    b'{"email": NaN}',
    b'{"email": "\\ud800"}',
    b'{"email": 1e999999}',
    b'{"email": ' + b"9" * 10_000 + b"}",
]


def is_refusal(response) -> bool:
    problem = response.json()
    return (
        400 <= response.status_code < 500
        and response["Content-Type"] == "application/problem+json"
        and problem["status"] == response.status_code
        and all(isinstance(text, str) for texts in problem["errors"].values() for text in texts)
    )


@pytest.fixture(autouse=True)
def _no_limits(settings):
    settings.LOGIN_FAILURES = settings.LOGIN_FAILURES_NETWORK = settings.MAILS_PER_HOUR = 10_000


@pytest.mark.parametrize("path", FORMS)
def test_wrong_values_are_refused(as_alice, path):
    method, fields = FORMS[path]
    for field in fields:
        for value in VALUES:
            body = {**dict.fromkeys(fields, "correct horse"), field: value}
            response = as_alice.send(method, f"/api/{path}/", body)
            plausible = isinstance(value, str) and response.status_code == 202
            assert plausible or is_refusal(response), (field, value, response.content)


@pytest.mark.parametrize("path", [*FORMS, "profile", "confirmation-email/send"])
@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_wrong_bodies_are_refused(as_alice, path, body):
    method = "patch" if path == "profile" else FORMS.get(path, ("post",))[0]
    response = getattr(as_alice, method)(f"/api/{path}/", body, content_type="application/json")

    assert is_refusal(response) or (path == "profile" and b"email" in body), response.content


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x"]
)
def test_other_types_are_415(api, kind):
    assert api.post("/api/token/", b"x", content_type=kind).status_code == 415


@pytest.mark.parametrize("path", FORMS)
def test_wrong_methods_are_405(as_alice, path):
    response = as_alice.put(f"/api/{path}/", {})

    assert response.status_code == 405
    assert response["Allow"]
    assert is_refusal(response)


@pytest.mark.parametrize("path", ["token/refresh", "logout", "logout-all", "ws-ticket"])
@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_addresses_without_a_form_do_not_look_at_the_body(as_alice, path, body):
    response = as_alice.post(f"/api/{path}/", body, content_type="application/json")

    assert response.status_code < 300
