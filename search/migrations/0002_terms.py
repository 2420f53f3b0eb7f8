"""Where the terms stand: what Django's models have no words for, one way for each database."""

from django.db import migrations

POSTGRESQL = [
    "ALTER TABLE search_document ADD COLUMN terms tsvector NOT NULL DEFAULT ''",
    # With fastupdate a search would read what others have written since the last clean-up.
    "CREATE INDEX search_terms ON search_document USING gin (terms) WITH (fastupdate = off)",
]
# All that is not ASCII is part of a word: what a word is has been decided before (search.terms).
SQLITE = [
    "CREATE VIRTUAL TABLE search_terms USING fts5(terms, columnsize=0, tokenize=\"ascii tokenchars ':#'\")",
    "CREATE TRIGGER search_terms_gone AFTER DELETE ON search_document "
    "BEGIN DELETE FROM search_terms WHERE rowid = old.id; END",
]
SECURE_DELETE = (3, 42)


def make(apps, schema_editor):
    connection = schema_editor.connection
    if connection.vendor == "postgresql":
        statements = POSTGRESQL
    else:
        with connection.cursor() as cursor:
            [version] = cursor.execute("SELECT sqlite_version()").fetchone()
        secure = tuple(map(int, version.split("."))) >= SECURE_DELETE
        erase = ["INSERT INTO search_terms (search_terms, rank) VALUES ('secure-delete', 1)"] if secure else []
        statements = SQLITE + erase
    for statement in statements:
        schema_editor.execute(statement)


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE search_document DROP COLUMN terms")
    else:
        schema_editor.execute("DROP TRIGGER search_terms_gone")
        schema_editor.execute("DROP TABLE search_terms")


class Migration(migrations.Migration):
    dependencies = [("search", "0001_initial")]
    operations = [migrations.RunPython(make, drop)]
