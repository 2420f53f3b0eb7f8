"""`manage.py doctor`: what is wrong, and what to do."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ops.checkups import CHECKUPS


class Command(BaseCommand):
    help = "Looks at all that Parley needs and says what is wrong and what to do; exit code 1 if anything is."
    requires_system_checks = ()  # the settings are one of the things that it looks at

    def handle(self, *args: Any, **options: Any) -> None:
        wrong = set[str]()
        for checkup in CHECKUPS:
            if missing := checkup.needs & wrong:
                self.stdout.write(f"skipped  {checkup.name}: needs {' and '.join(sorted(missing))}")
                continue
            problems = checkup.run()
            for problem in problems:
                self.stdout.write(f"PROBLEM  {checkup.name}: {problem.what}\n         {problem.advice}")
            if problems:
                wrong.add(checkup.name)
            else:
                self.stdout.write(f"ok       {checkup.name}")
        if wrong:
            raise CommandError(f"There is something wrong with: {', '.join(sorted(wrong))}.")
