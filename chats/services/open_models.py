"""Which models somebody may use; every door that shows, takes or remembers the name of one asks here."""

from accounts.access import groups_of
from common.executor import database
from llm.catalog import Catalog, catalog


def open_models(user_id: int) -> Catalog:
    """Return the models open to a user; their groups are read only where some model is for some groups alone."""
    whole = catalog()
    return whole.seen_by(groups_of(user_id)) if whole.is_restricted else whole


async def find_open_models(user_id: int) -> Catalog:
    """Return the same on the loop."""
    whole = catalog()
    return await database().read(open_models, user_id) if whole.is_restricted else whole
