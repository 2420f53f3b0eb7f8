"""Django settings; every value that an operator may want to change comes from `config.env`."""

import tomllib
from dataclasses import fields
from datetime import timedelta
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from accounts.oauth import setup as oauth
from accounts.social import setup as social
from config import env
from config.env import BASE_DIR
from llm.aliases import DEFAULT_ALIASES
from llm.client.types import Quirks

VERSION: str = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]

# --- The site -------------------------------------------------------------------------------------------------------
DEBUG = env.flag("DEBUG", False)
SECRET_KEY = env.secret("SECRET_KEY")
if not SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY: set it, or SECRET_KEY_FILE; `make run` writes one into .env")
SECRETS_KEYS = tuple(env.secret("SECRETS_KEYS").replace(",", " ").split())
if any(len(key) < 32 for key in SECRETS_KEYS):
    raise ImproperlyConfigured("SECRETS_KEYS: each key is random text of at least 32 characters")
SITE_URL = env.origin("SITE_URL", "http://localhost:8000")
FRONTEND_URL = env.origin("FRONTEND_URL", SITE_URL)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
TRUSTED_PROXIES = env.integer("TRUSTED_PROXIES", 0, most=10)
WEB_CONCURRENCY = env.integer("WEB_CONCURRENCY", 1, least=1, most=256)
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ["DEBUG", "INFO", "WARNING", "ERROR"])
LOG_FORMAT = env.choice("LOG_FORMAT", "plain", ["plain", "json"])
METRICS_PORT = env.integer("METRICS_PORT", 0, most=65_535)
METRICS_HOST = env.text("METRICS_HOST", "127.0.0.1")
METRICS_TOKEN = env.secret("METRICS_TOKEN")
if METRICS_TOKEN and len(METRICS_TOKEN) < 16:
    raise ImproperlyConfigured("METRICS_TOKEN: at least 16 characters, since whoever guesses it reads /metrics")
METRICS = bool(METRICS_PORT or METRICS_TOKEN)
TIME_ZONE = env.text("TIME_ZONE", "UTC")
USE_TZ = True
USE_I18N = False
LANGUAGE_CODE = "en"

# --- Applications ---------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "config",
    "accounts.apps.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "oauth2_provider",
    "common",
    "accounts",
    "accounts.oauth",
    "llm",
    "usage",
    "tools",
    "files",
    "chats",
    "feed",
    "notes",
    "search",
    "streamchat",
    "ops",
]
MIDDLEWARE = [
    "common.middleware.CorrelationMiddleware",
    "common.content_security_policy.ContentSecurityPolicyMiddleware",
    "common.cors.CorsMiddleware",
    "common.async_lane.SecurityMiddleware",
    "common.async_lane.SessionMiddleware",
    "common.async_lane.CommonMiddleware",
    "accounts.middleware.OwnOriginMiddleware",
    "accounts.middleware.SessionAuthenticationMiddleware",
    "common.async_lane.MessageMiddleware",
    "common.async_lane.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
APPEND_SLASH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- Database -------------------------------------------------------------------------------------------------------
DATABASE_URL = env.secret("DATABASE_URL", f"sqlite:///{BASE_DIR / 'db.sqlite3'}")
DATABASE_WAIT = env.number("DATABASE_WAIT", 5, most=60)
DATABASE_STATEMENT_TIMEOUT = env.number("DATABASE_STATEMENT_TIMEOUT", 10, most=3600)
DATABASE_POOLER = env.choice("DATABASE_POOLER", "none", ["none", "transaction"])
DATABASE_POOL = env.integer("DATABASE_POOL", 20, least=10, most=500)
DATABASE_READERS = env.integer("DATABASE_READERS", 3, least=1, most=64)
DATABASE_WRITERS = env.integer("DATABASE_WRITERS", 4, least=2, most=64)
TEST_DATABASE = env.text("TEST_DATABASE", str(BASE_DIR / "test.sqlite3"))
REDIS_URL = env.secret("REDIS_URL")
REDIS_PREFIX = env.text("REDIS_PREFIX", "parley")


def _database() -> dict[str, Any]:
    try:
        found: dict[str, Any] = dict(dj_database_url.parse(DATABASE_URL))
    except (ValueError, KeyError) as error:
        raise ImproperlyConfigured(f"DATABASE_URL: {error}") from error
    if found["ENGINE"] == "django.db.backends.sqlite3":
        found["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": DATABASE_WAIT,
            # FULL: with NORMAL the last commits before a power cut can be lost, and acknowledged messages are not.
            # What is deleted is overwritten, as Debian's SQLite does by itself and others do not.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; "
            "PRAGMA cache_size=-8000",
        }
        # A file: threads of one test share it as they share the real one.
        found["TEST"] = {"NAME": TEST_DATABASE}
    elif found["ENGINE"] == "django.db.backends.postgresql":
        wait, statement = int(DATABASE_WAIT * 1000), int(DATABASE_STATEMENT_TIMEOUT * 1000)
        found["OPTIONS"] = {
            **found.get("OPTIONS", {}),
            # After an outage the next request connects anew; the pool's own attempts would come ever more rarely.
            "pool": {
                "min_size": 1,
                "max_size": DATABASE_POOL,
                "timeout": DATABASE_WAIT,
                "reconnect_timeout": 1,
                "max_idle": 10,  # seconds after which one connection that was not needed is closed
            },
            "connect_timeout": 5,
            "tcp_user_timeout": 8000,  # a server that vanished without a word
        }
        if DATABASE_POOLER == "none":
            found["OPTIONS"]["options"] = f"-c lock_timeout={wait} -c statement_timeout={statement}"
        found["CONN_HEALTH_CHECKS"] = True
        found["DISABLE_SERVER_SIDE_CURSORS"] = DATABASE_POOLER == "transaction"
    else:
        raise ImproperlyConfigured("DATABASE_URL: use sqlite:///file or postgres://user:password@host:port/name")
    return found


DATABASES = {"default": _database()}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASE_WRITERS = 1  # the file has one anyway, and readers must not wait behind a second one

CACHES: dict[str, Any] = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# --- Accounts -------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "/accounts/sign-in/"
AUTHENTICATION_BACKENDS = ["accounts.backends.EmailBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
REQUIRE_CONFIRMED_EMAIL = env.flag("REQUIRE_CONFIRMED_EMAIL", True)
ACCESS_TOKEN_SECONDS = env.integer("ACCESS_TOKEN_SECONDS", 600, least=30, most=900)
REFRESH_IDLE_DAYS = env.integer("REFRESH_IDLE_DAYS", 14, least=1, most=365)
REFRESH_TOTAL_DAYS = env.integer("REFRESH_TOTAL_DAYS", 90, least=1, most=3650)
REFRESH_GRACE_SECONDS = env.integer("REFRESH_GRACE_SECONDS", 10, most=60)
SESSIONS_KEEP_DAYS = env.integer("SESSIONS_KEEP_DAYS", 30, least=1, most=3650)
REFRESH_COOKIE = "refresh" if DEBUG else "__Secure-refresh"
DEVICE_COOKIE = "device" if DEBUG else "__Host-device"
CONFIRMATION_HOURS = env.integer("CONFIRMATION_HOURS", 24, least=1, most=720)
PASSWORD_RESET_MINUTES = env.integer("PASSWORD_RESET_MINUTES", 60, least=5, most=1440)
LOGIN_FAILURES = env.integer("LOGIN_FAILURES", 10, least=1)
LOGIN_FAILURES_ACCOUNT = env.integer("LOGIN_FAILURES_ACCOUNT", 50, least=1)
LOGIN_FAILURES_NETWORK = env.integer("LOGIN_FAILURES_NETWORK", 100, least=1)
REGISTRATIONS_PER_HOUR = env.integer("REGISTRATIONS_PER_HOUR", 50, least=1)
MAILS_PER_HOUR = env.integer("MAILS_PER_HOUR", 5, least=1)
AVATAR_MAX_BYTES = env.integer("AVATAR_MAX_BYTES", 5 * 2**20, least=1024)
AVATAR_MAX_PIXELS = env.integer("AVATAR_MAX_PIXELS", 25_000_000, least=1024)
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(seconds=ACCESS_TOKEN_SECONDS),
    "SIGNING_KEY": SECRET_KEY,
    "AUDIENCE": "parley",
    "LEEWAY": 30,  # for a clock behind the issuer's; `read_access_token` gives `exp` none
}

# --- Sign-in with other sites: nothing of allauth is there unless one has its keys -----------------------------------
SOCIALACCOUNT_PROVIDERS = social.providers(
    {
        "google": (env.text("GOOGLE_CLIENT_ID"), env.secret("GOOGLE_CLIENT_SECRET")),
        "github": (env.text("GITHUB_CLIENT_ID"), env.secret("GITHUB_CLIENT_SECRET")),
    }
)
if SOCIALACCOUNT_PROVIDERS:
    INSTALLED_APPS += social.apps(SOCIALACCOUNT_PROVIDERS)
    MIDDLEWARE += [social.MIDDLEWARE]
    SOCIALACCOUNT_ADAPTER = "accounts.social.adapter.SocialAdapter"
    SOCIALACCOUNT_ONLY = SOCIALACCOUNT_QUERY_EMAIL = True
    SOCIALACCOUNT_EMAIL_VERIFICATION = ACCOUNT_EMAIL_VERIFICATION = "none"
    ACCOUNT_DEFAULT_HTTP_PROTOCOL = SITE_URL.partition(":")[0]

# --- OAuth 2 provider -----------------------------------------------------------------------------------------------
OAUTH_ACCESS_SECONDS = env.integer("OAUTH_ACCESS_SECONDS", 3600, least=60, most=86_400)
OAUTH_REFRESH_DAYS = env.integer("OAUTH_REFRESH_DAYS", 30, least=1, most=365)
OAUTH_CODE_SECONDS = env.integer("OAUTH_CODE_SECONDS", 60, least=10, most=600)
OAUTH_GRACE_SECONDS = env.integer("OAUTH_GRACE_SECONDS", 30, most=300)
OAUTH_AUTHORIZE_PER_MINUTE = env.integer("OAUTH_AUTHORIZE_PER_MINUTE", 60, least=1)
OAUTH_TOKENS_PER_MINUTE = env.integer("OAUTH_TOKENS_PER_MINUTE", 600, least=1)
OAUTH_SECRET_FAILURES = env.integer("OAUTH_SECRET_FAILURES", 20, least=1)
OAUTH_CLIENT_DOCUMENT_HOSTS = oauth.document_hosts(env.words("OAUTH_CLIENT_DOCUMENT_HOSTS", ["chatgpt.com"]))
OAUTH2_PROVIDER_APPLICATION_MODEL = "oauth2_provider.Application"
OAUTH2_PROVIDER = oauth.provider(SITE_URL, OAUTH_CLIENT_DOCUMENT_HOSTS, OAUTH_ACCESS_SECONDS, OAUTH_CODE_SECONDS)

# --- Mail -----------------------------------------------------------------------------------------------------------
_mail = env.mail("EMAIL_URL", "console:" if DEBUG else "smtp://localhost:25")
globals().update(_mail)
EMAIL_TIMEOUT = env.number("EMAIL_TIMEOUT", 10, least=1, most=60)
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "Parley <noreply@localhost>")

# --- Models and providers -------------------------------------------------------------------------------------------
OPENAI_API_KEY = env.secret("OPENAI_API_KEY")
OPENAI_BASE_URL = env.origin("OPENAI_BASE_URL", "")
OPENAI_QUIRKS = env.choices("OPENAI_QUIRKS", [quirk.name for quirk in fields(Quirks)])
GEMINI_API_KEY = env.secret("GEMINI_API_KEY")
GEMINI_BASE_URL = env.origin("GEMINI_BASE_URL", "")
ANTHROPIC_API_KEY = env.secret("ANTHROPIC_API_KEY")
ANTHROPIC_BASE_URL = env.origin("ANTHROPIC_BASE_URL", "")
OPENAI_API = env.choice("OPENAI_API", "", ["chat", "responses"])
DEFAULT_MODEL = env.text("DEFAULT_MODEL")
OPENAI_MODEL = env.text("OPENAI_MODEL", "gpt-6-luna")
GEMINI_MODEL = env.text("GEMINI_MODEL", "gemini-3.5-flash-lite")
ANTHROPIC_MODEL = env.text("ANTHROPIC_MODEL", "claude-sonnet-5-5")
OPENAI_MODELS = tuple(env.words("OPENAI_MODELS", ["gpt-6-luna", "gpt-5.6-terra", "gpt-5.6-sol"]))
GEMINI_MODELS = tuple(env.words("GEMINI_MODELS", ["gemini-3.5-flash-lite", "gemini-3.8-flash"]))
ANTHROPIC_MODELS = tuple(env.words("ANTHROPIC_MODELS", ["claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"]))
MODEL_ALIASES = env.pairs("MODEL_ALIASES", DEFAULT_ALIASES)
TITLE_MODEL = env.text("TITLE_MODEL")
PROVIDER_RETRIES = env.integer("PROVIDER_RETRIES", 2, most=10)
PROVIDER_MAX_RETRY_AFTER = env.number("PROVIDER_MAX_RETRY_AFTER", 20, most=300)
PROVIDER_CONNECT_TIMEOUT = env.number("PROVIDER_CONNECT_TIMEOUT", 10, least=0.1, most=300)
FIRST_TEXT_TIMEOUT = env.number("FIRST_TEXT_TIMEOUT", 30, least=0.1, most=3600)
IDLE_TIMEOUT = env.number("IDLE_TIMEOUT", 30, least=0.1, most=3600)
REPLY_TIMEOUT = env.number("REPLY_TIMEOUT", 300, least=0.1, most=86400)
DEMO_DELAY = env.number("DEMO_DELAY", 0.02, most=5)
MODERATION = env.choice(
    "MODERATION", "on" if OPENAI_API_KEY and not OPENAI_BASE_URL else "off", ["off", "on", "required"]
)
MODERATION_FAIL_OPEN = env.flag("MODERATION_FAIL_OPEN", False)
MODERATION_MODEL = env.text("MODERATION_MODEL", "omni-moderation-latest")
MODERATION_TIMEOUT = env.number("MODERATION_TIMEOUT", 5, least=0.1, most=60)
MODERATOR = env.text("MODERATOR", "llm.moderation.OpenAIModerator")

# --- Background work ------------------------------------------------------------------------------------------------
TASK_CONCURRENCY = env.integer("TASK_CONCURRENCY", 4, least=1, most=64)
TASK_POLL_SECONDS = env.number("TASK_POLL_SECONDS", 1, least=0.1, most=60)
TASK_KEEP_HOURS = env.integer("TASK_KEEP_HOURS", 24, least=1)
TASK_KEEP_FAILED_DAYS = env.integer("TASK_KEEP_FAILED_DAYS", 30, least=1)

# --- Chats ----------------------------------------------------------------------------------------------------------
CONTEXT_TURNS = env.integer("CONTEXT_TURNS", 5, most=1000)
MAX_CONTEXT_TOKENS = env.integer("MAX_CONTEXT_TOKENS", 0)
SYSTEM_PROMPT = env.text("SYSTEM_PROMPT", "You are a helpful assistant. Answer in Markdown.")
DEFAULT_TOOLS = env.words("DEFAULT_TOOLS")
MAX_MESSAGE_CHARS = env.integer("MAX_MESSAGE_CHARS", 262_144, least=1)
MAX_REPLY_CHARS = env.integer("MAX_REPLY_CHARS", 1_000_000, least=1, most=500_000_000)
MAX_STEPS = env.integer("MAX_STEPS", 10, least=1, most=100)
APPROVAL_HOURS = env.number("APPROVAL_HOURS", 24, least=0.001, most=24 * 30)
TOOL_POLICIES = env.pairs("TOOL_POLICIES", {})
TOOL_SECONDS = env.number("TOOL_SECONDS", 30, least=0.1, most=3600)
MAX_TOOL_OUTPUT = env.integer("MAX_TOOL_OUTPUT", 100_000, least=1000, most=10_000_000)
FLUSH_SECONDS = env.number("FLUSH_SECONDS", 0.25, least=0.01, most=1)
UNSAVED_SECONDS = env.number("UNSAVED_SECONDS", 1, least=0.1, most=10)
LEASE_SECONDS = env.number("LEASE_SECONDS", 5, least=1, most=60)
SWEEP_SECONDS = env.number("SWEEP_SECONDS", 2, least=0.1, most=60)
KEEPALIVE_SECONDS = env.number("KEEPALIVE_SECONDS", 10, least=0.1, most=15)
STALLED_SECONDS = env.number("STALLED_SECONDS", 60, least=1, most=3600)
SHUTDOWN_GRACE_SECONDS = env.number("SHUTDOWN_GRACE_SECONDS", 20, most=600)
CHAT_STATUS_SECONDS = env.number("CHAT_STATUS_SECONDS", 10, least=0.1, most=30)
TURNS_PER_USER = env.integer("TURNS_PER_USER", 20, least=1)
STREAMS_PER_USER = env.integer("STREAMS_PER_USER", 100, least=1)
SOCKETS_PER_USER = env.integer("SOCKETS_PER_USER", 20, least=1)
SOCKET_AUTH_SECONDS = env.number("SOCKET_AUTH_SECONDS", 10, least=0.1, most=60)
SOCKET_FRAMES_PER_SECOND = env.integer("SOCKET_FRAMES_PER_SECOND", 20, least=1)
MAX_FRAME_BYTES = env.integer("MAX_FRAME_BYTES", 2**20, least=1024, most=16 * 2**20)
IDEMPOTENCY_HOURS = env.integer("IDEMPOTENCY_HOURS", 24, least=1)
CHANGES_KEEP_DAYS = env.integer("CHANGES_KEEP_DAYS", 30, least=1, most=3650)
SEARCH = env.flag("SEARCH", True)
DAILY_MESSAGES = env.integer("DAILY_MESSAGES", 0)
DAILY_TOKENS = env.integer("DAILY_TOKENS", 0)
CURRENCY = env.text("CURRENCY", "USD")
USAGE_KEEP_DAYS = env.integer("USAGE_KEEP_DAYS", 0)
if 0 < USAGE_KEEP_DAYS < 62:
    raise ImproperlyConfigured(
        "USAGE_KEEP_DAYS: 0 (for ever), or at least 62, since limits by the month add up its days"
    )
BREAKER_SECONDS = env.number("BREAKER_SECONDS", 30, least=1, most=600)
HELD_OUTPUT_TOKENS = env.integer("HELD_OUTPUT_TOKENS", 16_384, least=1)
LEAST_OUTPUT_TOKENS = env.integer("LEAST_OUTPUT_TOKENS", 256, least=1)
PAGE_SIZE, PAGE_SIZE_MAX = 50, 200
NOTE_WRITES_PER_MINUTE = env.integer("NOTE_WRITES_PER_MINUTE", 60, least=1)
NOTES_PER_USER = env.integer("NOTES_PER_USER", 10_000, least=1)
MCP_REQUESTS_PER_MINUTE = env.integer("MCP_REQUESTS_PER_MINUTE", 300, least=1)

# --- Stream Chat ----------------------------------------------------------------------------------------------------
STREAM_API_KEY = env.text("STREAM_API_KEY")
STREAM_API_SECRET = env.secret("STREAM_API_SECRET")
STREAM_BASE_URL = env.origin("STREAM_BASE_URL", "https://chat.stream-io-api.com")
STREAM_TIMEOUT = env.number("STREAM_TIMEOUT", 5, least=0.1, most=60)
STREAM_RETRY_SECONDS = env.number("STREAM_RETRY_SECONDS", 60, most=600)
STREAM_HOOK_SECONDS = env.number("STREAM_HOOK_SECONDS", 0.6, least=0.05, most=0.9)
STREAM_UPDATES_PER_SECOND = env.number("STREAM_UPDATES_PER_SECOND", 2, least=0.1, most=2)
STREAM_COMMANDS = env.pairs("STREAM_COMMANDS", {"gpt": "openai", "gemini": "gemini"})
STREAM_CHANNEL_TYPES = env.words("STREAM_CHANNEL_TYPES", ["messaging"])
STREAM_BOT_ID = env.text("STREAM_BOT_ID", "parley-bot")
STREAM_BOT_NAME = env.text("STREAM_BOT_NAME", "Parley")
STREAM_BOT_IMAGE = env.text("STREAM_BOT_IMAGE")
STREAM_MESSAGE_CHARS = env.integer("STREAM_MESSAGE_CHARS", 5000, least=100, most=20_000)
STREAM_TOKEN_SECONDS = env.integer("STREAM_TOKEN_SECONDS", 3600, least=60, most=86_400)

# --- HTTP -----------------------------------------------------------------------------------------------------------
MAX_BODY_BYTES = env.integer("MAX_BODY_BYTES", 2 * 2**20, least=1024)
MAX_CHAT_BODY_BYTES = env.integer("MAX_CHAT_BODY_BYTES", 32 * 2**20, least=1024)
HEADER_SECONDS = env.number("HEADER_SECONDS", 8, least=1, most=600)
MAX_HEADER_BYTES = env.integer("MAX_HEADER_BYTES", 65_536, least=1024)
MAX_OAUTH_BODY_BYTES = 2**16  # oauthlib holds up all threads while it reads a form
MAX_AVATAR_BODY_BYTES = AVATAR_MAX_BYTES + 65_536  # the picture, and the form around it
FILE_MAX_BYTES = env.integer("FILE_MAX_BYTES", 20 * 2**20, least=1024)
FILE_MAX_PIXELS = env.integer("FILE_MAX_PIXELS", 25_000_000, least=1024)
FILE_TEXT_CHARS = env.integer("FILE_TEXT_CHARS", 400_000, least=1000, most=10_000_000)
FILE_NATIVE_BYTES = env.integer("FILE_NATIVE_BYTES", 4 * 2**20)
FILE_SPACE_BYTES = env.integer("FILE_SPACE_BYTES", 2**30)
FILES_PER_USER = env.integer("FILES_PER_USER", 1000)
FILES_PER_MESSAGE = env.integer("FILES_PER_MESSAGE", 10, least=1, most=100)
FILE_KEEP_HOURS = env.number("FILE_KEEP_HOURS", 24, least=0.01, most=24 * 30)
MEDIA_ROOT = env.text("MEDIA_ROOT", str(BASE_DIR / "var" / "media"))
UPLOAD_FOLDER = env.text("UPLOAD_FOLDER", MEDIA_ROOT)
UPLOAD_SECONDS = env.number("UPLOAD_SECONDS", 300, least=1, most=3600)
UPLOAD_FORM_BYTES = 65_536  # what a form may put around a file
MAX_UPLOAD_BODY_BYTES = FILE_MAX_BYTES + UPLOAD_FORM_BYTES
MAX_UPLOADING_BYTES = env.integer("MAX_UPLOADING_BYTES", 2**30, least=MAX_UPLOAD_BODY_BYTES)
DISK_FREE_BYTES = env.integer("DISK_FREE_BYTES", 2**30)
X_ACCEL_PREFIX = env.text("X_ACCEL_PREFIX")
_largest = max(MAX_BODY_BYTES, MAX_CHAT_BODY_BYTES, MAX_AVATAR_BODY_BYTES)
MAX_UNREAD_BYTES = env.integer("MAX_UNREAD_BYTES", 2 * _largest, least=_largest)
BODY_SECONDS = env.number("BODY_SECONDS", 10, least=1, most=600)
# `config.handler` refuses larger bodies before they are read, for every path.
DATA_UPLOAD_MAX_MEMORY_SIZE = None
JSON_TYPES = ("application/json",)
CORS_ALLOWED_ORIGINS = env.origins("CORS_ALLOWED_ORIGINS", [f"http://localhost:{port}" for port in (5173, 5174, 5175)])
CORS_ALLOW_CREDENTIALS = True
CORS_EXPOSE_HEADERS = (
    "Allow", "Retry-After", "WWW-Authenticate", "X-Request-ID", "X-Should-Retry", "X-Vercel-AI-UI-Message-Stream",
)  # fmt: skip
CSRF_TRUSTED_ORIGINS = [SITE_URL]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.access.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["common.drf.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["common.drf.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "common.drf.OneFormat",
    "EXCEPTION_HANDLER": "common.problems.drf_exception_handler",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Parley",
    "DESCRIPTION": "Chats with OpenAI and Gemini over REST and server-sent events; errors are problem documents.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": r"/api",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "persistAuthorization": True, "tryItOutEnabled": True},
    "PREPROCESSING_HOOKS": ["common.urls.canonical_only"],
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "accounts.schema.bearer_first"],
    "ENUM_NAME_OVERRIDES": {
        "MessageState": "chats.models.State",
        "MessageRole": "chats.models.Role",
        "ChangeKind": "chats.models.Change.Kind",
        "SessionKind": "accounts.models.session.Session.Kind",
        "Effort": "chats.wire.settings.EFFORTS",
    },
}

# --- Files ----------------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = env.text("STATIC_ROOT", str(BASE_DIR / "var" / "static"))
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_URL = "/media/"
FILES_STORAGE = env.text("FILES_STORAGE", "django.core.files.storage.FileSystemStorage")
FILES_STORAGE_OPTIONS = env.json_object("FILES_STORAGE_OPTIONS")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "files": {"BACKEND": FILES_STORAGE, "OPTIONS": FILES_STORAGE_OPTIONS},
}

# --- Transport security ---------------------------------------------------------------------------------------------
SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", not DEBUG)
SECURE_REDIRECT_EXEMPT = [r"^healthz/?$", r"^readyz/?$", r"^metrics/?$"]
SECURE_HSTS_SECONDS = env.integer("SECURE_HSTS_SECONDS", 0 if DEBUG else 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEBUG
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
# These look for Django's classes by name; parley.E002 looks for them or their subclasses, which we use. The last one
# is about plain http in redirects, which goes to the user's own machine only (accounts.oauth.clients).
SILENCED_SYSTEM_CHECKS = ["security.W001", "security.W002", "security.W003", "oauth2_provider.W008"]

# --- Logs: message text, tokens and keys never reach them -----------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"correlation": {"()": "common.logs.CorrelationFilter"}},
    "formatters": {
        "plain": {"format": "%(asctime)s %(levelname)s %(name)s [%(correlation_id)s] %(message)s"},
        "json": {"()": "common.logs.JsonFormatter"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "filters": ["correlation"], "formatter": LOG_FORMAT},
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "parley": {"level": LOG_LEVEL},
        "uvicorn.error": {"level": "WARNING"},
        # Refusals are answers, not incidents.
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "django.server": {"handlers": ["console"], "propagate": False},
    },
}
