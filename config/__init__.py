"""Project configuration. Where the `pysqlite3` extra is installed, its newer SQLite takes the standard library's place.

That must happen before Django's database backend imports `sqlite3`; settings are loaded earlier than that.
"""

import sys

try:
    import pysqlite3
except ImportError:
    pass
else:
    import pysqlite3.dbapi2

    sys.modules["sqlite3"], sys.modules["sqlite3.dbapi2"] = pysqlite3, pysqlite3.dbapi2
