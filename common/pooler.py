"""Behind a pooler that gives a connection of the server for one transaction only, limits begin with each of them.

What is said when a connection begins would be refused, or reach whoever has the server's connection next. So the first
statement of a transaction, or one that is a transaction of its own, brings the limits along, in the same round trip.
"""

from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created


def limit_transactions() -> None:
    """Have every connection of this process that goes by way of such a pooler do so."""
    if settings.DATABASE_POOLER == "transaction":
        connection_created.connect(_limit, dispatch_uid="pooler")


def _limit(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if connection.vendor == "postgresql" and _with_limits not in connection.execute_wrappers:
        connection.execute_wrappers.append(_with_limits)


def _with_limits(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    from psycopg.pq import TransactionStatus

    status = context["connection"].connection.info.transaction_status
    if many or status != TransactionStatus.IDLE:
        return execute(sql, params, many, context)
    lock, statement = (int(seconds * 1000) for seconds in (settings.DATABASE_WAIT, settings.DATABASE_STATEMENT_TIMEOUT))
    limits = f"SELECT set_config('lock_timeout', '{lock}', true), set_config('statement_timeout', '{statement}', true)"
    done = execute(f"{limits}; {sql}", params, many, context)
    context["cursor"].nextset()  # past the answer of the limits
    return done
