#!/usr/bin/env python
"""Django's command line, with Parley's settings."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if "migrate" in sys.argv[1:2]:
        os.environ.setdefault("DATABASE_STATEMENT_TIMEOUT", "0")  # a migration may take as long as it needs
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
