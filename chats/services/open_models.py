"""Which models somebody may use; every door that shows, takes or remembers the name of one asks here."""

from accounts.access import groups_of
from common.errors import Invalid
from common.executor import database
from llm.catalog import NO_SUCH_MODEL, Catalog, catalog


def open_models(user_id: int) -> Catalog:
    """Return the models open to a user; their groups are read only where some model is for some groups alone."""
    whole = catalog()
    return whole.seen_by(groups_of(user_id)) if whole.is_restricted else whole


def require_open(user_id: int, name: str) -> None:
    """Refuse a name that no model open to the user has; whether its provider is set up is asked when it is used."""
    if name and not open_models(user_id).is_known(name):
        raise Invalid(errors={"model": [NO_SUCH_MODEL]})


async def find_open_models(user_id: int) -> Catalog:
    """Return the same on the loop."""
    whole = catalog()
    return await database().read(open_models, user_id) if whole.is_restricted else whole
