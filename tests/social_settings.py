"""Settings of the server that tests sign in to by way of a provider: both have keys, and are at `FAKE_PROVIDER`."""

import os

from config.test_settings import *  # noqa: F403
from config.test_settings import SOCIALACCOUNT_PROVIDERS

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = False  # the tests speak plain http
FAKE = os.environ["FAKE_PROVIDER"]
SOCIALACCOUNT_PROVIDERS["google"] |= {
    "AUTHORIZE_URL": f"{FAKE}/google/auth",
    "ACCESS_TOKEN_URL": f"{FAKE}/google/token",
}
SOCIALACCOUNT_PROVIDERS["github"]["GITHUB_URL"] = FAKE
