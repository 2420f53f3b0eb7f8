"""Settings of the test suite: the real ones, on an environment that no `.env` and no key of the developer's reaches."""

import os

os.environ["ENV_FILE"] = ""
_OWN = """OPENAI_API_KEY OPENAI_BASE_URL OPENAI_API GEMINI_API_KEY GEMINI_BASE_URL ANTHROPIC_API_KEY ANTHROPIC_BASE_URL
    DEFAULT_MODEL SECRETS_KEYS STREAM_API_KEY STREAM_API_SECRET"""
for name in _OWN.split():
    os.environ.pop(name, None)
if "FAKE_PROVIDER" not in os.environ:  # the one server of the suite that people sign in to from elsewhere has keys
    for name in ("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET"):
        os.environ.pop(name, None)
os.environ.setdefault("SECRET_KEY", "tests-only-" + "x" * 60)
os.environ.setdefault("EMAIL_URL", "locmem:")
os.environ.setdefault("DEMO_DELAY", "0")
os.environ.setdefault("TURNS_PER_USER", "1000")  # a test that means the limit sets it
os.environ.setdefault("SECURE_SSL_REDIRECT", "false")

from config.settings import *  # noqa: E402, F403

ALLOWED_HOSTS = ["localhost", "127.0.0.1", "testserver"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # 240 ms of hashing per sign-in otherwise
