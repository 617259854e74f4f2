"""PostgreSQL and Redis for those who have neither: started or joined under NOTIFIER_HOME."""

from notifier.embedded.services import SERVICES, ensure_services, not_made, release_services

__all__ = ["SERVICES", "ensure_services", "not_made", "release_services"]
