"""Whether a database has the tables that this version works with."""

from django.apps import apps
from django.db import connection, models

from common.child_process import PROJECT

ADVICE = (
    "This database has the layout of another version ({missing} is missing). If migrations are due, run `manage.py "
    "migrate`. A database made before the first release cannot be brought up to date: move it away, or drop it, and "
    "start again."
)


def layout_problem() -> str:
    """Return what to do where a table or column of ours is missing, else nothing."""
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        for meta in (model._meta for model in _own_models()):
            if meta.db_table not in tables:
                return ADVICE.format(missing=meta.db_table)
            found = {column.name for column in connection.introspection.get_table_description(cursor, meta.db_table)}
            if lacking := sorted({str(field.column) for field in meta.concrete_fields} - found):
                return ADVICE.format(missing=f"{meta.db_table}.{lacking[0]}")
    return ""


def _own_models() -> list[type[models.Model]]:
    own = [app for app in apps.get_app_configs() if (PROJECT / app.name.partition(".")[0]).is_dir()]
    return [model for app in own for model in app.get_models()]
