"""What `manage.py doctor` looks at, in order: each check yields what is wrong and what to do about it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ops.checkups.machine import check_clock, check_disk, check_settings, check_versions
from ops.checkups.problem import Problem
from ops.checkups.services import check_mail, check_providers, check_redis
from ops.checkups.storage import check_storage
from ops.checkups.stores import check_database, check_migrations

__all__ = ["CHECKUPS", "Checkup", "Problem"]


@dataclass(frozen=True, slots=True)
class Checkup:
    name: str
    check: Callable[[], Iterator[Problem]]
    needs: frozenset[str] = frozenset()  # what must be well for it to make sense

    def run(self) -> list[Problem]:
        """Return what is wrong; a check that fails itself is wrong too."""
        found = list[Problem]()
        try:
            found.extend(self.check())
        except Exception as error:
            found.append(Problem.of(error, "This could not be looked at.", "Look at what is said above first."))
        return found


DATABASE, TABLES = frozenset({"database"}), frozenset({"database", "migrations"})
CHECKUPS = (
    Checkup("settings", check_settings),
    Checkup("versions", check_versions),
    Checkup("database", check_database),
    Checkup("migrations", check_migrations, DATABASE),
    Checkup("clock", check_clock, DATABASE),
    Checkup("redis", check_redis),
    Checkup("mail", check_mail),
    Checkup("providers", check_providers, TABLES),
    Checkup("files", check_storage, TABLES),
    Checkup("disk", check_disk),
)
