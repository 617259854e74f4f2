"""The Celery app. `celery -A tasks worker` and `celery -A tasks beat` find it here."""

from tasks import beginning
from tasks.app import app

__all__ = ["app", "beginning"]
