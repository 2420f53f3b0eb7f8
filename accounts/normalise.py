"""When two addresses are the same one."""

import unicodedata


def email_key(address: str) -> str:
    """Return what an address is compared by: neither letter case nor Unicode form makes two accounts of one."""
    folded = unicodedata.normalize("NFKC", address.strip()).casefold()
    return unicodedata.normalize("NFKC", folded)
