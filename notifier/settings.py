"""Every setting, typed, from the environment (or `.env`), each with a sentence."""

from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from notifier import settings_checks as checks
from notifier.errors import NotifierError

CommaList = Annotated[list[SecretStr], NoDecode]
Mailbox = Annotated[str, AfterValidator(checks.mailbox)]
PublicKey = Annotated[str, AfterValidator(checks.public_key)]
FOR_REAL_MAIL = (
    "secret_keys",
    "public_url",
    "mail_from",
    "mail_reply_to",
    "postal_address",
    "terms_url",
    "privacy_url",
)


class Settings(BaseSettings):
    """Names are the environment's, in lower case. An empty variable counts as not set."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    notifier_home: Path = Field(
        Path(".notifier"), description="Folder for the embedded services and their data."
    )
    database_url: Annotated[str | None, AfterValidator(checks.postgres_url)] = Field(
        None,
        repr=False,
        description="PostgreSQL address. Not set: an embedded PostgreSQL under NOTIFIER_HOME.",
    )
    redis_url: Annotated[str | None, AfterValidator(checks.redis_url)] = Field(
        None, repr=False, description="Redis address. Not set: an embedded Redis under NOTIFIER_HOME."
    )
    port: int = Field(8000, ge=0, le=65535, description="Port of the web process.")
    public_url: Annotated[str, AfterValidator(checks.public_url)] = Field(
        "http://localhost:8000",
        description="Where people reach the web process; the base of every link in a mail.",
    )
    secret_keys: CommaList = Field(
        default_factory=list,
        description="Signing keys, comma-separated, oldest first, 32 characters or more; the last one signs.",
    )
    mail_provider: Literal["sendgrid", "smtp", "outbox"] = Field(
        "outbox", description="How mail leaves: sendgrid, smtp, or outbox (files)."
    )
    mail_from: Mailbox = Field(
        "Study updates <updates@example.org>", description="Sender; it names no condition."
    )
    mail_reply_to: Mailbox = Field("help@example.org", description="A mailbox that a person reads.")
    postal_address: str = Field(
        "Study updates, 1 Example Street, Example Town",
        description="Postal address in the footer of every mail.",
    )
    sendgrid_api_key: SecretStr | None = Field(
        None, description="SendGrid key; the Mail Send scope is enough."
    )
    sendgrid_erasure_key: SecretStr | None = Field(
        None, description="SendGrid key that may erase recipients' data. Not set: SENDGRID_API_KEY."
    )
    sendgrid_api_url: Annotated[str, AfterValidator(checks.https_or_loopback)] = Field(
        "https://api.sendgrid.com",
        description="SendGrid host; https://api.eu.sendgrid.com for an EU subuser.",
    )
    sendgrid_webhook_public_keys: Annotated[list[PublicKey], NoDecode] = Field(
        default_factory=list, description="Public keys of the signed event webhook, comma-separated."
    )
    smtp_url: SecretStr | None = Field(
        None, description="smtp://user:password@host:587 (STARTTLS) or smtps://…:465; for MAIL_PROVIDER=smtp."
    )
    outbox_dir: Path | None = Field(None, description="Folder for .eml files. Not set: NOTIFIER_HOME/outbox.")
    api_keys: CommaList = Field(default_factory=list, description="Bearer keys of the site, comma-separated.")
    ops_username: str | None = Field(None, description="Name for /ops and /metrics.")
    ops_password: SecretStr | None = Field(
        None, description="Password for them. Not set: open on this machine only."
    )
    heartbeat_url: Annotated[SecretStr | None, AfterValidator(checks.secret_url)] = Field(
        None,
        description="Watcher outside: a worker fetches this each minute while all is well; it calls when that stops.",
    )
    registry_api_url: Annotated[str, AfterValidator(checks.https_or_loopback)] = Field(
        "https://clinicaltrials.gov/api/v2", description="The registry's API, version 2."
    )
    poll_registry: bool = Field(
        False,
        description="Whether workers ask the registry for what is new; not needed where the site pushes it.",
    )
    site_study_url: Annotated[str, AfterValidator(checks.study_url)] = Field(
        "https://clinicaltrials.gov/study/{nct_id}", description="A study's public page, with {nct_id}."
    )
    site_origins: Annotated[list[Annotated[str, AfterValidator(checks.origin)]], NoDecode] = Field(
        default_factory=list,
        description="Origins whose pages may call the sign-up API and frame the form, comma-separated.",
    )
    terms_url: Annotated[str, AfterValidator(checks.https_or_loopback)] = Field(
        "https://example.org/terms", description="The terms of use that people agree to when they sign up."
    )
    privacy_url: Annotated[str, AfterValidator(checks.https_or_loopback)] = Field(
        "https://example.org/privacy", description="The privacy notice; linked from sign-up and from mail."
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=9,
        description="How many proxies stand before the web process and add to X-Forwarded-For; 0 ignores it.",
    )
    dev_pages: bool = Field(
        False, description="Whether /dev/mails shows every mail with made-up data; never in production."
    )
    log_format: Literal["text", "json"] = Field("text", description="How log lines look: text or json.")
    digest_hour: int = Field(
        8, ge=0, le=23, description="Local hour of daily and weekly digests, unless chosen."
    )
    digest_weekday: int = Field(
        1, ge=1, le=7, description="Weekday of weekly digests (1 is Monday), unless chosen."
    )
    digest_zone: Annotated[str, AfterValidator(checks.zone)] = Field(
        "UTC", description="Time zone of people who have chosen none, such as Europe/Berlin."
    )
    quiet_minutes: int = Field(
        60, ge=1, le=1440, description="After an immediate mail, what follows is gathered for this long."
    )
    welcome_mail: bool = Field(
        False, description="Whether people get a mail that says what they follow when they have confirmed."
    )
    batch_size: int = Field(500, ge=1, le=1000, description="Most people in one provider call.")
    send_rate: float = Field(
        0, ge=0, description="Most mails a second for the whole account, all workers together; 0 is no limit."
    )
    complaint_limit: float = Field(
        0.003, gt=0, le=1, description="Sending pauses when this share of a week's mail was reported as spam."
    )
    bounce_limit: float = Field(
        0.05, gt=0, le=1, description="Sending pauses when this share of a day's mail bounced for good."
    )
    unknown_minutes: float = Field(
        15, gt=0, le=1440, description="How long an unknown outcome waits for the webhook's word."
    )
    send_tasks: int = Field(
        4, ge=1, le=64, description="Worker processes that a planned run wakes to send it."
    )
    max_attempts: int = Field(
        8, ge=1, le=50, description="Provider calls for one batch before it has failed."
    )
    keep_mail_days: int = Field(
        180, ge=32, le=36_500, description="How long the ledger knows who got which mail, and what it said."
    )
    keep_feedback_days: int = Field(
        90, ge=32, le=36_500, description="How long the single events of the provider's webhook are kept."
    )
    keep_events_days: int = Field(
        400, ge=32, le=36_500, description="How long it is kept what a change event said, once all were told."
    )
    keep_sign_ups_days: int = Field(
        14, ge=7, le=30, description="How long a sign-up that nobody confirms is kept."
    )
    keep_ended_days: int = Field(
        365,
        ge=32,
        le=36_500,
        description="How long it is kept what somebody followed who stopped everything.",
    )

    @model_validator(mode="before")
    @classmethod
    def _split_lists(cls, values: dict[str, object]) -> dict[str, object]:
        lists = ("secret_keys", "api_keys", "sendgrid_webhook_public_keys", "site_origins")
        return {key: checks.split(value) if key in lists else value for key, value in values.items()}

    @model_validator(mode="after")
    def _refuse_weak_or_missing(self) -> Self:
        problems = [
            *checks.weak_keys("SECRET_KEYS", self.secret_keys),
            *checks.weak_keys("API_KEYS", self.api_keys),
            *self._missing_for_provider(),
            *self._weak_ops_login(),
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _missing_for_provider(self) -> Iterator[str]:
        """A provider on this machine (a mail catcher, a test) may do with the examples; real people may not."""
        needed = {"sendgrid": "sendgrid_api_key", "smtp": "smtp_url"}.get(self.mail_provider)
        if not needed:
            return
        if not getattr(self, needed):
            yield f"{needed.upper()} is missing; MAIL_PROVIDER={self.mail_provider} needs it"
        url = (
            self.smtp_url.get_secret_value()
            if self.mail_provider == "smtp" and self.smtp_url
            else self.sendgrid_api_url
        )
        if checks.on_this_machine(url):
            return
        for name in FOR_REAL_MAIL:
            if name not in self.model_fields_set or not getattr(self, name):
                yield f"{name.upper()} is missing; mail to real people needs your own"
        if self.dev_pages:
            yield "DEV_PAGES is on; where mail goes to real people it must be off"
        if "public_url" in self.model_fields_set and checks.on_this_machine(self.public_url):
            yield "PUBLIC_URL leads to this machine only; links in mail to real people need an https:// address"

    def _weak_ops_login(self) -> Iterator[str]:
        if bool(self.ops_username) != bool(self.ops_password):
            yield "OPS_USERNAME and OPS_PASSWORD: only one of them is set; set both, or none to close those pages"
        if self.ops_password and len(self.ops_password.get_secret_value()) < checks.MIN_PASSWORD_CHARS:
            yield f"OPS_PASSWORD is too short; it needs {checks.MIN_PASSWORD_CHARS} characters or more"

    @property
    def quiet_interval(self) -> timedelta:
        return timedelta(minutes=self.quiet_minutes)

    @property
    def unknown_grace(self) -> timedelta:
        return timedelta(minutes=self.unknown_minutes)

    @property
    def outbox_path(self) -> Path:
        return self.outbox_dir or self.notifier_home / "outbox"


@cache
def load_settings() -> Settings:
    """Read the environment once. Raises NotifierError that names each wrong variable and its remedy."""
    try:
        return Settings()
    except ValidationError as error:
        raise NotifierError(_explain(error), "See .env.example for each setting.") from None
    except UnicodeDecodeError:
        raise NotifierError("The file .env is not UTF-8 text.", "Save it as UTF-8.") from None


def _explain(error: ValidationError) -> str:
    """Name the variables and the reasons; never the values, which may be secrets."""
    lines = []
    for problem in error.errors(include_input=False, include_url=False):
        name = "".join(str(part) for part in problem["loc"][:1]).upper()
        reason = problem["msg"].removeprefix("Value error, ")
        lines.append(f"{name}: {reason}" if name else reason)
    return "Settings: " + "; ".join(lines) + "."
