"""Write the first migration anew from the models: `make migration`. Until the first release there is only one."""

import tempfile
from pathlib import Path

from alembic import command

from notifier.db.engine import make_engine
from notifier.db.migrate import MIGRATIONS, alembic_config
from notifier.embedded import ensure_services, release_services
from notifier.settings import Settings


def draft_first_migration() -> Path:
    """Compare the models with an empty database of its own."""
    target = MIGRATIONS / "versions" / "0001_first_tables.py"
    target.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        bare = Settings(
            _env_file=None, notifier_home=Path(folder), database_url=None, redis_url="redis://unused"
        )
        settings = ensure_services(bare)
        engine = make_engine(str(settings.database_url))
        with engine.begin() as connection:
            config = alembic_config()
            config.attributes["connection"] = connection
            command.revision(config, "First tables", autogenerate=True, rev_id="0001")
        engine.dispose()
        release_services()
    return target


if __name__ == "__main__":
    draft_first_migration()
