"""The settings that all mails in these tests are rendered with."""

from notifier.settings import Settings

SETTINGS = Settings(
    _env_file=None,
    site_study_url="https://studies.example.org/{nct_id}",
    mail_reply_to="help@example.org",
    postal_address="Study updates, 1 Example Street, Example Town",
)
