"""Sign-in with Google and GitHub over HTTP: a server with the keys, a provider on loopback, a browser's requests."""

import os
import re
import socket
import sqlite3
import subprocess
import sys
import time
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.conf import settings as own_settings

from accounts.tests.fake_oauth import CLIENT, FakeOAuth

USERS = """
from accounts.models import User
User.objects.create_user("confirmed@example.org", "a long passphrase", is_email_confirmed=True)
User.objects.create_user("waiting@example.org", "a long passphrase")
from django.contrib import admin
assert not [model for model in admin.site._registry if model.__module__.startswith("allauth")]
User.objects.create_user("gone@example.org", "a long passphrase", is_email_confirmed=True, is_active=False)
"""


@pytest.fixture(scope="module")
def fake():
    fake = FakeOAuth()
    yield fake
    fake.close()


@pytest.fixture(scope="module")
def site(fake, tmp_path_factory):
    """Start a server of its own: allauth is there from the start of a process or not at all."""
    file = tmp_path_factory.mktemp("social") / "db.sqlite3"
    keys = {
        f"{name.upper()}_CLIENT_{part}": value
        for name, pair in CLIENT.items()
        for part, value in zip(("ID", "SECRET"), pair, strict=True)
    }
    environment = {**os.environ, **keys, "DJANGO_SETTINGS_MODULE": "tests.social_settings", "REDIS_URL": "",
                   "DATABASE_URL": f"sqlite:///{file}", "FAKE_PROVIDER": fake.url, "WEB_CONCURRENCY": "1"}  # fmt: skip
    manage = [sys.executable, "manage.py"]
    for command in (
        ["check", "--fail-level", "WARNING"],
        ["migrate", "--verbosity=0"],
        ["shell", "--no-imports", "-c", USERS],
    ):
        subprocess.run([*manage, *command], cwd=own_settings.BASE_DIR, env=environment, check=True, timeout=300)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (file.parent / "log").open("w+")
    server = subprocess.Popen(
        [*manage, "serve", "--port", str(port)], cwd=own_settings.BASE_DIR, env=environment, stderr=log, stdout=log
    )
    try:
        wait_for(f"http://127.0.0.1:{port}")
        yield SimpleNamespace(url=f"http://127.0.0.1:{port}", file=file, log=file.parent / "log", fake=fake)
    finally:
        server.terminate()
        server.wait(30)
        log.close()


def wait_for(url):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/healthz").status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError("the server did not start")


class Browser:
    def __init__(self, site):
        self.site = site
        self.http = httpx.Client(base_url=site.url, timeout=60, headers={"Accept": "text/html"})

    def begin(self, provider, page="/accounts/sign-in/"):
        """Press a button; return where the provider's page would be, with its parameters."""
        form = re.search(
            rf'<form method="post" action="/accounts/social/{provider}/">(.*?)</form>',
            self.http.get(page).text,
            re.DOTALL,
        )
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[1]))
        answer = self.http.post(f"/accounts/social/{provider}/", data=fields)
        assert answer.status_code == 302
        where = urlsplit(answer.headers["Location"])
        return where, {name: values[0] for name, values in parse_qs(where.query).items()}

    def come_back(self, provider, **query):
        return self.http.get(f"/accounts/social/{provider}/callback/", params=query)

    def sign_in(self, provider, claims, page="/accounts/sign-in/"):
        """Press the button, agree there, and come back."""
        _, asked = self.begin(provider, page)
        code = self.site.fake.grant(asked["code_challenge"], asked["redirect_uri"], claims)
        return self.come_back(provider, code=code, state=asked["state"])

    @property
    def address(self):
        """Return who is signed in."""
        page = self.http.get("/accounts/profile/")
        found = re.search(r"[\w.]+@example\.org", page.text)
        return found[0] if page.status_code == 200 and found else None


@pytest.fixture
def make_browser(site):
    made = []
    yield lambda: made.append(Browser(site)) or made[-1]
    for one in made:
        one.http.close()


@pytest.fixture
def browser(make_browser):
    return make_browser()


def rows(site, statement, *values):
    connection = sqlite3.connect(site.file, timeout=30)
    try:
        return connection.execute(statement, values).fetchall()
    finally:
        connection.close()


def google(address, verified=True):
    return {"email": address, "email_verified": verified, "name": "Somebody", "picture": "https://example.org/p.png"}


def github(*addresses):
    return [{"email": address, "verified": verified, "primary": primary} for address, verified, primary in addresses]


@pytest.mark.parametrize(("provider", "path", "scope"), [
    ("google", "/google/auth", {"openid", "email"}),
    ("github", "/login/oauth/authorize", {"user:email"}),
])  # fmt: skip
@pytest.mark.parametrize("page", ["/accounts/sign-in/", "/accounts/register/"])
def test_a_button_leads_to_the_provider(browser, site, provider, path, scope, page):
    where, asked = browser.begin(provider, page)

    assert f"{where.scheme}://{where.netloc}" == site.fake.url
    assert where.path == path
    assert asked["client_id"] == CLIENT[provider][0]
    assert asked["redirect_uri"] == f"{site.url}/accounts/social/{provider}/callback/"
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert set(asked["scope"].split()) == scope
    assert asked["state"] != browser.begin(provider, page)[1]["state"]


def test_the_pages_allow_the_way_there_and_nothing_else(browser, site):
    policy = browser.http.get("/accounts/sign-in/").headers["Content-Security-Policy"]

    assert f"form-action 'self' {site.fake.url} {site.fake.url};" in policy
    assert "script-src 'self';" in policy
    assert site.fake.url not in browser.http.get("/accounts/reset/").headers["Content-Security-Policy"]


def test_a_newcomer_gets_a_confirmed_account_without_a_password_and_a_device(browser, make_browser, site):
    answer = browser.sign_in("google", google("new@example.org"), "/accounts/sign-in/?next=/accounts/devices/")

    assert (answer.status_code, answer.headers["Location"]) == (302, "/accounts/devices/")
    assert browser.address == "new@example.org"
    [(user, confirmed, password)] = rows(
        site, "SELECT id, is_email_confirmed, password FROM accounts_user WHERE email = 'new@example.org'"
    )
    assert confirmed == 1
    assert password.startswith("!")
    assert rows(site, "SELECT kind, ended_at FROM accounts_session WHERE user_id = ?", user) == [("page", None)]

    other = make_browser()
    back = other.sign_in("github", github(("side@example.org", True, False), ("new@example.org", True, True)))
    assert back.status_code == 302, back.text + site.log.read_text()
    assert other.address == "new@example.org"
    assert len(rows(site, "SELECT id FROM accounts_session WHERE user_id = ?", user)) == 2


def test_an_existing_account_with_a_confirmed_address(browser):
    browser.sign_in("google", google("Confirmed@Example.org"))

    assert browser.address == "confirmed@example.org"


@pytest.mark.parametrize(("claims", "words"), [
    (google("waiting@example.org"), "Confirm it first"),
    (google("gone@example.org"), "deactivated"),
    (google("confirmed@example.org", verified=False), "vouches for no"),
    (google("unknown@example.org", verified=False), "vouches for no"),
    ({}, "vouches for no"),
])  # fmt: skip
def test_who_is_refused(browser, site, claims, words):
    before = rows(site, "SELECT COUNT(*) FROM accounts_user")
    answer = browser.sign_in("google", claims)

    assert answer.status_code == 403
    assert words in answer.text
    assert browser.address is None
    assert rows(site, "SELECT COUNT(*) FROM accounts_user") == before


def test_github_counts_verified_addresses_only_and_not_the_public_one(browser):
    answer = browser.sign_in("github", github(("confirmed@example.org", False, True)))

    assert answer.status_code == 403
    assert browser.address is None


NOT_TRUE = [None, 0, 1, "", "true", "false", [], [True], {}, {"verified": True}]


@pytest.mark.parametrize("verified", NOT_TRUE)
@pytest.mark.parametrize("provider", ["google", "github"])
def test_an_address_is_verified_by_true_alone(browser, site, provider, verified):
    before = rows(site, "SELECT COUNT(*) FROM accounts_user")
    for address in ("confirmed@example.org", "unknown@example.org"):
        claims = google(address, verified) if provider == "google" else github((address, verified, True))
        assert browser.sign_in(provider, claims).status_code in (400, 403)
        assert browser.address is None
    assert rows(site, "SELECT COUNT(*) FROM accounts_user") == before


@pytest.mark.parametrize("claims", [
    {"email": "confirmed@example.org", "verified_email": "false"},
    {"email": "confirmed@example.org", "email_verified": False, "verified_email": True},
    {"email": "confirmed@example.org"},
])  # fmt: skip
def test_no_other_claim_makes_up_for_it(browser, claims):
    assert browser.sign_in("google", claims).status_code == 403
    assert browser.address is None


def test_an_answer_that_this_browser_did_not_ask_for(browser, make_browser, site):
    _, asked = browser.begin("google")
    code = site.fake.grant(asked["code_challenge"], asked["redirect_uri"], google("confirmed@example.org"))
    stranger = make_browser()

    assert stranger.come_back("google", code=code, state=asked["state"]).status_code == 400
    assert stranger.come_back("google", code=code).status_code == 400
    assert browser.come_back("github", code=code, state=asked["state"]).status_code == 400
    assert stranger.address is None
    assert browser.come_back("google", code=code, state=asked["state"]).status_code == 302
    assert browser.come_back("google", code=code, state=asked["state"]).status_code == 400


def test_a_sign_in_that_was_given_up_or_failed_on_the_way(browser, site):
    given_up = browser.come_back("google", error="access_denied", state=browser.begin("google")[1]["state"])
    assert (given_up.status_code, given_up.headers["Location"]) == (302, "/accounts/sign-in/")

    site.fake.broken = True
    try:
        assert browser.sign_in("google", google("confirmed@example.org")).status_code == 400
    finally:
        site.fake.broken = False
    assert browser.address is None
    assert "bad_verification_code" not in site.log.read_text()


def test_a_sign_in_goes_on_to_this_site_only(browser):
    answer = browser.sign_in("google", google("confirmed@example.org"), "/accounts/sign-in/?next=https://example.net/")

    assert answer.headers["Location"] == "/"


def test_it_begins_with_a_form_of_ours(browser):
    assert browser.http.get("/accounts/social/google/").status_code == 405
    assert browser.http.post("/accounts/social/google/").status_code == 403
    assert browser.http.post("/accounts/social/google/callback/").status_code == 403


OTHERS = [
    "login", "logout", "signup", "inactive", "confirm-email", "password/change", "password/set", "password/reset",
    "reauthenticate", "3rdparty", "3rdparty/signup", "3rdparty/login/cancelled", "google/login",
    "google/login/token", "google/login/callback", "github/login", "connections", "social", "social/signup",
    "social/login/error", "social/twitter",
]  # fmt: skip


@pytest.mark.parametrize("path", OTHERS)
def test_no_other_page_of_allauth_is_there(browser, path):
    for prefix in ("/accounts", "/accounts/social", ""):
        assert browser.http.get(f"{prefix}/{path}/").status_code == 404, prefix


def test_nothing_is_kept_of_what_the_provider_told(site):
    for table in (
        "socialaccount_socialaccount",
        "socialaccount_socialtoken",
        "socialaccount_socialapp",
        "account_emailaddress",
    ):
        assert rows(site, f"SELECT * FROM {table}") == []


NOT_THERE = """
import sys, django
django.setup()
from django.conf import settings
from django.test import Client
client = Client(headers={"Accept": "text/html"})
for path in ("google", "github", "google/callback"):
    assert client.post(f"/accounts/social/{path}/").status_code == 404, path
for path in ("sign-in", "register"):
    page = client.get(f"/accounts/{path}/")
    assert "Continue with" not in page.content.decode()
    assert "form-action 'self';" in page["Content-Security-Policy"]
names = (*settings.INSTALLED_APPS, *settings.MIDDLEWARE, *sys.modules)
assert not [name for name in names if name.startswith("allauth")]
"""


def test_without_keys_nothing_of_allauth_is_installed_loaded_or_routed(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GOOGLE_", "GITHUB_"))}
    environment |= {
        "DJANGO_SETTINGS_MODULE": "config.test_settings",
        "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
    }

    subprocess.run(
        [sys.executable, "-c", NOT_THERE], cwd=own_settings.BASE_DIR, env=environment, check=True, timeout=120
    )
