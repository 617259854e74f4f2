"""What Alembic runs. `notifier.db.migrate` hands over the connection and owns the transaction."""

from alembic import context

from notifier.db.tables import all_tables

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=all_tables())
context.run_migrations()
