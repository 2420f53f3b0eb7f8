"""What is refused at `/oauth/authorize/` and `/oauth/token/`, and how."""

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings as own
from django.utils import timezone

from accounts.models import User
from accounts.oauth.models import AppGrant
from accounts.tests.oauth_actors import CALLBACKS, GPT, App, Browser, gpt_action, sent_back

NOT_SENT = {
    "no state": {"state": None},
    "empty state": {"state": ""},
    "no client": {"client_id": None},
    "unknown client": {"client_id": "nobody"},
    "client with NUL": {"client_id": "a\0b"},
    "endless client": {"client_id": "x" * 5000},
    "no redirect": {"redirect_uri": None},
    "empty redirect": {"redirect_uri": ""},
    "foreign redirect": {"redirect_uri": "https://evil.example/callback"},
    "other GPT": {"redirect_uri": CALLBACKS[0].replace(GPT, "g-other")},
    "longer": {"redirect_uri": CALLBACKS[0] + "/more"},
    "with a query": {"redirect_uri": CALLBACKS[0] + "?x=1"},
    "with a slash": {"redirect_uri": CALLBACKS[0] + "/"},
    "with a fragment": {"redirect_uri": CALLBACKS[0] + "#x"},
    "as a user": {"redirect_uri": CALLBACKS[0].replace("https://", "https://chatgpt.com@evil.example/")},
    "plain http": {"redirect_uri": CALLBACKS[0].replace("https", "http")},
    "other case": {"redirect_uri": CALLBACKS[0].replace("chatgpt", "ChatGPT")},
    "no address": {"redirect_uri": "https://[bad"},
    "bad port": {"redirect_uri": "http://127.0.0.1:99999999/x"},
    "script": {"redirect_uri": "javascript:alert(1)"},
}


@pytest.mark.parametrize("changes", NOT_SENT.values(), ids=NOT_SENT)
@pytest.mark.parametrize("signed_in", [True, False])
def test_nobody_is_sent_to_an_address_that_was_not_found_right(
    browser: Browser, chatgpt: App, changes: dict[str, Any], signed_in: bool
) -> None:
    if not signed_in:
        browser.http.cookies.clear()

    page = browser.open(chatgpt, **changes)

    assert page.status_code in (400, 401)
    assert "Location" not in page.headers
    assert page.headers["Content-Type"].startswith("text/html")
    assert "cannot be connected" in page.text


def test_parameters_given_twice_are_refused_without_a_redirect(browser: Browser, chatgpt: App) -> None:
    for name in ("redirect_uri", "client_id", "state", "response_type"):
        pairs = [*chatgpt.request().items(), (name, chatgpt.request()[name])]
        page = browser.http.get("/oauth/authorize/", params=pairs)
        assert page.status_code == 400
        assert "Location" not in page.headers


SENT_BACK = {
    "token": ({"response_type": "token"}, "unsupported_response_type"),
    "id_token": ({"response_type": "id_token"}, "unsupported_response_type"),
    "hybrid": ({"response_type": "code token"}, None),
    "none": ({"response_type": "none"}, None),
    "no response type": ({"response_type": None}, "invalid_request"),
    "fragment": ({"response_mode": "fragment"}, "invalid_request"),
    "form_post": ({"response_mode": "form_post"}, "invalid_request"),
    "unknown scope": ({"scope": "notes:read everything"}, "invalid_scope"),
    "openid": ({"scope": "openid"}, "invalid_scope"),
    "plain": ({"code_challenge": "x" * 43, "code_challenge_method": "plain"}, "invalid_request"),
    "plain by default": ({"code_challenge": "x" * 43}, "invalid_request"),
    "odd method": ({"code_challenge": "x" * 43, "code_challenge_method": "S512"}, "invalid_request"),
    "short challenge": ({"code_challenge": "x" * 42, "code_challenge_method": "S256"}, "invalid_request"),
    "endless challenge": ({"code_challenge": "x" * 4300, "code_challenge_method": "S256"}, "invalid_request"),
    "method alone": ({"code_challenge_method": "S256"}, "invalid_request"),
    "foreign resource": ({"resource": "https://evil.example"}, "invalid_target"),
    "two resources": ({"resource": [own.SITE_URL, f"{own.SITE_URL}/admin"]}, "invalid_target"),
    "no resource": ({"resource": "https://[bad"}, "invalid_target"),
}


@pytest.mark.parametrize(("changes", "error"), SENT_BACK.values(), ids=SENT_BACK)
def test_other_mistakes_are_told_to_the_app(
    browser: Browser, chatgpt: App, changes: dict[str, Any], error: str | None
) -> None:
    answer = browser.open(chatgpt, **changes)

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(CALLBACKS[0] + "?")
    back = sent_back(answer)
    assert back["error"] in ((error,) if error else ("unsupported_response_type", "unauthorized_client"))
    assert (back["state"], back["iss"]) == (chatgpt.state, own.SITE_URL)


def test_the_answer_checks_what_the_question_checked(browser: Browser, chatgpt: App) -> None:
    page = browser.open(chatgpt)
    token = browser.fields(page, "consent")["csrfmiddlewaretoken"]

    for changes in ({"redirect_uri": "https://evil.example/x"}, {"client_id": "nobody"}, {"state": None}):
        answer = browser.http.post("/oauth/authorize/", params=chatgpt.request(**changes),
                                   data={"csrfmiddlewaretoken": token, "answer": "allow"})  # fmt: skip
        assert answer.status_code == 400
        assert "Location" not in answer.headers


def test_consent_needs_the_form_of_our_page(browser: Browser, chatgpt: App) -> None:
    before = AppGrant.objects.count()

    answer = browser.http.post("/oauth/authorize/", params=chatgpt.request(), data={"answer": "allow"})

    assert answer.status_code == 403
    assert AppGrant.objects.count() == before


def test_public_clients_must_send_s256_and_prove_it(browser: Browser, tool: App) -> None:
    assert sent_back(browser.open(tool))["error"] == "invalid_request"

    code = browser.allow(tool, **tool.pkce())["code"]
    assert tool.exchange(code).json()["error"] in ("invalid_request", "invalid_grant")
    assert tool.exchange(code, code_verifier="x" * 50).json()["error"] == "invalid_grant"
    assert tool.exchange(code, code_verifier=tool.verifier).status_code == 200


def test_an_action_may_send_a_challenge_and_is_then_held_to_it(browser: Browser, chatgpt: App) -> None:
    code = browser.allow(chatgpt, **chatgpt.pkce())["code"]

    assert chatgpt.exchange(code).status_code == 400
    assert chatgpt.exchange(code, code_verifier="y" * 50).json()["error"] == "invalid_grant"
    assert chatgpt.exchange(code, code_verifier=chatgpt.verifier).status_code == 200


VERIFIERS = {"none": None, "wrong": "w" * 50, "empty": "", "plain": "the challenge", "right": "the verifier"}


@pytest.mark.parametrize("verifier", VERIFIERS)
@pytest.mark.parametrize("challenged", [True, False])
@pytest.mark.parametrize("who", ["action", "public"])
def test_a_verifier_goes_with_a_challenge_and_a_challenge_with_a_verifier(
    browser: Browser, chatgpt: App, tool: App, who: str, challenged: bool, verifier: str
) -> None:
    app = {"action": chatgpt, "public": tool}[who]
    if who == "public" and not challenged:
        assert sent_back(browser.open(app))["error"] == "invalid_request"
        return
    sent = {**VERIFIERS, "plain": app.pkce()["code_challenge"], "right": app.verifier}[verifier]
    code = browser.allow(app, **(app.pkce() if challenged else {}))["code"]

    answer = app.exchange(code, code_verifier=sent)

    if verifier == "right" if challenged else not sent:
        assert answer.status_code == 200
        return
    assert answer.status_code == 400
    assert answer.json()["error"] == ("invalid_grant" if sent else "invalid_request")
    retry = app.exchange(code, code_verifier=app.verifier if challenged else None)
    assert retry.status_code == 200  # the refusal used nothing up


def test_no_client_gets_a_code_for_a_plain_challenge(browser: Browser, chatgpt: App, tool: App) -> None:
    for app in (chatgpt, tool):
        for method in ("plain", "PLAIN", "s256", "", None):
            answer = browser.open(app, code_challenge=app.verifier[:43], code_challenge_method=method)
            assert sent_back(answer)["error"] == "invalid_request"


def test_other_confidential_clients_need_a_challenge_too(browser: Browser, apps: Callable[..., App]) -> None:
    application, secret = gpt_action()
    application.redirect_uris += " https://elsewhere.example/callback"
    application.save()

    assert sent_back(browser.open(apps(application.client_id, secret)))["error"] == "invalid_request"


DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
WRONG = {
    "wrong secret": ({"client_secret": "wrong"}, 401, "invalid_client"),
    "no secret": ({"client_secret": None}, 401, "invalid_client"),
    "unknown client": ({"client_id": "nobody"}, 401, "invalid_client"),
    "no client": ({"client_id": None}, 401, "invalid_client"),
    "unknown code": ({"code": "guessed"}, 400, "invalid_grant"),
    "no code": ({"code": None}, 400, "invalid_request"),
    "empty code": ({"code": ""}, 400, "invalid_request"),
    "wrong redirect": ({"redirect_uri": CALLBACKS[1]}, 400, "invalid_grant"),
    "no redirect": ({"redirect_uri": None}, 400, "invalid_request"),
    "no grant type": ({"grant_type": None}, 400, "unsupported_grant_type"),
    "implicit": ({"grant_type": "implicit"}, 400, "unsupported_grant_type"),
    "password": ({"grant_type": "password", "username": "a", "password": "b"}, 400, "unsupported_grant_type"),
    "client credentials": ({"grant_type": "client_credentials"}, 400, "unsupported_grant_type"),
    "device": ({"grant_type": DEVICE}, 400, "unsupported_grant_type"),
    "device with code": ({"grant_type": DEVICE, "device_code": "x"}, 400, "unsupported_grant_type"),
    "NUL": ({"redirect_uri": "a\0b"}, 400, "invalid_request"),
    "twice": ({"redirect_uri": [CALLBACKS[0], CALLBACKS[0]]}, 400, "invalid_request"),
    "foreign resource": ({"resource": "https://evil.example"}, 400, "invalid_target"),
    "resource not granted": ({"resource": f"{own.SITE_URL}/mcp"}, 400, "invalid_target"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "status", "error"), WRONG.values(), ids=WRONG)
def test_wrong_token_requests_get_rfc_6749_errors(
    browser: Browser, chatgpt: App, changes: dict[str, Any], status: int, error: str
) -> None:
    code = browser.allow(chatgpt)["code"]

    answer = chatgpt.exchange(code, **changes)

    assert answer.status_code == status, answer.text
    assert answer.json()["error"] == error
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    if status == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert chatgpt.exchange(code).status_code == 200  # the refusal used nothing up


BASIC = ["Basic", "Basic !!!", "Basic é", "Basic bm9jb2xvbg==", "Bearer abc", "Basic " + "A" * 4000,
         "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
         "Basic " + base64.b64encode(b"a\0b:x").decode()]  # fmt: skip


@pytest.mark.parametrize("header", BASIC)
def test_credentials_that_cannot_be_read(chatgpt: App, header: str) -> None:
    answer = chatgpt.http.post(
        "/oauth/token/", data={"grant_type": "authorization_code", "code": "x"},
        headers=[(b"Authorization", header.encode("latin-1"))],
    )  # fmt: skip

    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"


def test_credentials_in_two_ways_are_refused(browser: Browser, chatgpt: App) -> None:
    code = browser.allow(chatgpt)["code"]

    both = chatgpt.exchange(code, auth=None)
    assert both.status_code == 200
    for form in ({"client_secret": chatgpt.secret}, {"client_id": "another"}):
        data = {"grant_type": "authorization_code", "code": code, "redirect_uri": chatgpt.redirect, **form}
        answer = chatgpt.http.post("/oauth/token/", data=data, auth=(chatgpt.client_id, chatgpt.secret))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_only_forms_in_the_body_count(browser: Browser, chatgpt: App) -> None:
    code = browser.allow(chatgpt)["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": chatgpt.redirect,
            "client_id": chatgpt.client_id, "client_secret": chatgpt.secret}  # fmt: skip

    for answer in (
        chatgpt.http.post("/oauth/token/", json=form),
        chatgpt.http.post("/oauth/token/", params=form),
        chatgpt.http.post("/oauth/token/", params={"client_secret": chatgpt.secret}, data=form),
        chatgpt.http.post("/oauth/token/", data=form, files={"x": b"y"}),
        chatgpt.http.post("/oauth/token/", content=b""),
        chatgpt.http.post("/oauth/token/", content=b"\xff\x00=%zz", headers={"Content-Type": "text/plain"}),
    ):
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
        assert answer.headers["Cache-Control"] == "no-store"
    assert chatgpt.http.post("/oauth/token", data=form).status_code == 200  # without the slash, too


@pytest.mark.parametrize("address", ["/oauth/token/", "/oauth/revoke/"])
def test_other_methods(chatgpt: App, address: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = chatgpt.http.request(method, address)
        assert answer.status_code == 405
        assert answer.headers["Allow"] == "POST"
        assert answer.json()["error"] == "invalid_request"


def test_a_foreign_client_cannot_use_a_code_or_token(browser: Browser, chatgpt: App, apps: Callable[..., App]) -> None:
    application, secret = gpt_action()
    other = apps(application.client_id, secret)
    code = browser.allow(chatgpt)["code"]

    assert other.exchange(code).json()["error"] == "invalid_grant"
    tokens = chatgpt.exchange(code).json()  # nor has it spoilt the code
    assert other.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert other.revoke(tokens["refresh_token"]).status_code == 200
    assert other.revoke(tokens["access_token"]).status_code == 200
    assert chatgpt.refresh(tokens["refresh_token"]).status_code == 200


def test_codes_live_for_a_minute(browser: Browser, chatgpt: App) -> None:
    code = browser.allow(chatgpt)["code"]

    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        assert chatgpt.exchange(code).json()["error"] == "invalid_grant"


def test_unconfirmed_people_grant_nothing(browser: Browser, chatgpt: App, settings: Any) -> None:
    early = chatgpt.exchange(browser.allow(chatgpt)["code"]).json()
    code, page = browser.allow(chatgpt)["code"], browser.open(chatgpt)
    settings.REQUIRE_CONFIRMED_EMAIL = True

    refused = browser.open(chatgpt)
    assert refused.status_code == 403
    assert "confirm" in refused.text
    assert browser.decide(page, "allow").status_code == 403
    assert chatgpt.exchange(code).json()["error"] == "invalid_grant"
    assert chatgpt.refresh(early["refresh_token"]).json()["error"] == "invalid_grant"

    User.objects.filter(email=browser.email).update(is_email_confirmed=True)
    assert chatgpt.exchange(browser.allow(chatgpt)["code"]).status_code == 200


@pytest.mark.parametrize("limit", ["OAUTH_AUTHORIZE_PER_MINUTE", "OAUTH_TOKENS_PER_MINUTE"])
def test_too_many_requests(browser: Browser, chatgpt: App, settings: Any, limit: str) -> None:
    setattr(settings, limit, 3)

    call = (lambda: browser.open(chatgpt)) if "AUTHORIZE" in limit else (lambda: chatgpt.refresh("guess"))
    answers = [call() for _ in range(4)]

    assert [answer.status_code == 429 for answer in answers] == [False, False, False, True]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert "Location" not in answers[-1].headers


def test_guessing_a_secret_is_limited_and_locks_nobody_out(
    chatgpt: App, apps: Callable[..., App], settings: Any
) -> None:
    assert chatgpt.refresh("unknown").json()["error"] == "invalid_grant"  # the secret is right
    settings.OAUTH_SECRET_FAILURES = 3
    guesser = apps(chatgpt.client_id, "guess")

    codes = [guesser.refresh("x").status_code for _ in range(5)]

    assert codes == [401, 401, 401, 429, 429]
    assert int(guesser.refresh("x").headers["Retry-After"]) > 0
    assert chatgpt.refresh("unknown").json()["error"] == "invalid_grant"


ODD_BODIES = [
    b"", b"&&&=&", b"grant_type", b"=x", b"grant_type=%zz&code=%", b"grant_type=%00", b"\xff\xfe\x00", b"a=b&" * 2000,
    b"grant_type=refresh_token&refresh_token=%ED%A0%80", b"grant_type=refresh_token&refresh_token=" + b"x" * 100_000,
    b"grant_type=authorization_code&code=" + b"%F0%9F%92%A9" * 100 + b"&redirect_uri=https%3A%2F%2F%5Bbad",
    b"grant_type[]=x&code[a]=b", b"resource=a&resource=b&resource=c",
]  # fmt: skip
ODD_TYPES = ["application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-16",
             "application/x-www-form-urlencoded; charset=nonsense", "multipart/form-data; boundary=x",
             "application/json", "", "text/html; x"]  # fmt: skip


@pytest.mark.parametrize("address", ["/oauth/token/", "/oauth/revoke/"])
@pytest.mark.parametrize("content_type", ODD_TYPES)
def test_no_body_causes_a_5xx(chatgpt: App, address: str, content_type: str) -> None:
    for body in ODD_BODIES:
        named = f"client_id={chatgpt.client_id}&client_secret={chatgpt.secret}&".encode() + body
        for sent in (body, named):
            answer = chatgpt.http.post(address, content=sent, headers={"Content-Type": content_type})
            assert answer.status_code in (400, 401, 413) or (answer.status_code, address) == (200, "/oauth/revoke/")
            assert answer.status_code == 200 or answer.json()["error"]


@pytest.mark.parametrize("query", [
    "", "&&&", "client_id", "client_id=%zz", "client_id=%ff%fe", "client_id=\u00e9&redirect_uri=\u00e9&state=\u00e9",
    "client_id=%ED%A0%80&redirect_uri=x&state=y", "a=b&" * 2000, "client_id[]=x&redirect_uri=x&state=x", "%00=%00",
])  # fmt: skip
def test_no_query_causes_a_5xx(browser: Browser, query: str) -> None:
    for page in (browser.http.get(f"/oauth/authorize/?{query}"), browser.http.post(f"/oauth/authorize?{query}")):
        assert page.status_code in (400, 403)
        assert "Location" not in page.headers


@pytest.mark.parametrize("address", ["/oauth/token/", "/oauth/revoke/", "/oauth/authorize/"])
def test_no_form_is_longer_than_any_needs(chatgpt: App, address: str) -> None:
    assert chatgpt.http.post(address, data={"code": "x" * 2**16}).status_code == 413
