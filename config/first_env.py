"""Write the `.env` of a first start: `.env.example` with a fresh secret, for development."""

import secrets
import sys

from config.env import BASE_DIR


def main() -> None:
    target = BASE_DIR / ".env"
    if target.exists():
        return
    example = (BASE_DIR / ".env.example").read_text()
    target.write_text(example.replace("SECRET_KEY=\n", f"SECRET_KEY={secrets.token_urlsafe(50)}\n"))
    target.chmod(0o600)
    sys.stdout.write("Wrote .env with a fresh secret.\n")


if __name__ == "__main__":
    main()
