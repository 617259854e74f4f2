"""PostgreSQL and Redis for those who have neither: started or joined under NOTIFIER_HOME."""

from notifier.embedded.services import ensure_services, release_services

__all__ = ["ensure_services", "release_services"]
