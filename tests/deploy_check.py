"""`manage.py check --deploy` with the settings of a production site: not one warning."""

import os
import subprocess
import sys
import tempfile

from django.core.management.utils import get_random_secret_key


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "PATH": os.environ["PATH"],
            "ENV_FILE": "",
            "SECRET_KEY": get_random_secret_key() + get_random_secret_key(),
            "SITE_URL": "https://chat.example.org",
            "ALLOWED_HOSTS": "chat.example.org",
            "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
            "STATIC_ROOT": folder,
            "EMAIL_URL": "smtp+tls://user:password@mail.example.org",
        }
        command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
        return subprocess.run(command, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
