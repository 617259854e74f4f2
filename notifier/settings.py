"""Every setting, typed, from the environment (or `.env`), each with a sentence."""

import re
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from notifier.errors import NotifierError

MIN_SECRET_CHARS = 32


def _postgres_url(value: str | None) -> str | None:
    """Accept the `postgres://` of Procfile hosts; the driver is always psycopg 3."""
    if not value:
        return None
    if not re.match(r"postgres(ql)?(\+psycopg)?://", value):
        raise ValueError("is not a PostgreSQL address; it looks like postgresql://user:password@host:5432/name")
    return re.sub(r"^postgres(ql)?(\+psycopg)?://", "postgresql+psycopg://", value)


def _https_or_loopback(value: str) -> str:
    if not re.match(r"https://|http://(localhost|127\.0\.0\.1|\[::1\])(:|/|$)", value):
        raise ValueError("must begin with https:// (http:// is for this machine only)")
    return value.rstrip("/")


def _study_url(value: str) -> str:
    if "{nct_id}" not in value:
        raise ValueError("must contain {nct_id}, such as https://example.org/studies/{nct_id}")
    return value


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


CommaList = Annotated[list[SecretStr], NoDecode]


class Settings(BaseSettings):
    """Names are the environment's, in lower case. An empty variable counts as not set."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    notifier_home: Path = Field(Path(".notifier"), description="Folder for the embedded services and their data.")
    database_url: Annotated[str | None, AfterValidator(_postgres_url)] = Field(
        None, description="PostgreSQL address. Not set: an embedded PostgreSQL under NOTIFIER_HOME."
    )
    redis_url: str | None = Field(None, description="Redis address. Not set: an embedded Redis under NOTIFIER_HOME.")
    port: int = Field(8000, ge=0, le=65535, description="Port of the web process.")
    public_url: Annotated[str, AfterValidator(_https_or_loopback)] = Field(
        "http://localhost:8000", description="Where people reach the web process; the base of every link in a mail."
    )
    secret_keys: CommaList = Field(
        default_factory=list,
        description="Signing keys, comma-separated, oldest first, 32 characters or more; the last one signs.",
    )
    mail_provider: Literal["sendgrid", "smtp", "outbox"] = Field("outbox", description="How mail leaves.")
    mail_from: str = Field("Study updates <updates@example.org>", description="Sender; it names no condition.")
    mail_reply_to: str = Field("help@example.org", description="A mailbox that a person reads.")
    postal_address: str = Field(
        "Study updates, 1 Example Street, Example Town", description="Postal address in the footer of every mail."
    )
    sendgrid_api_key: SecretStr | None = Field(None, description="SendGrid key; the Mail Send scope is enough.")
    sendgrid_api_url: Annotated[str, AfterValidator(_https_or_loopback)] = Field(
        "https://api.sendgrid.com", description="SendGrid host; https://api.eu.sendgrid.com for an EU subuser."
    )
    sendgrid_webhook_public_keys: Annotated[list[str], NoDecode] = Field(
        default_factory=list, description="Public keys of the signed event webhook, comma-separated."
    )
    smtp_url: SecretStr | None = Field(
        None, description="smtp://user:password@host:587 (STARTTLS) or smtps://…:465; for MAIL_PROVIDER=smtp."
    )
    outbox_dir: Path | None = Field(None, description="Folder for .eml files. Not set: NOTIFIER_HOME/outbox.")
    api_keys: CommaList = Field(default_factory=list, description="Bearer keys of the site, comma-separated.")
    ops_username: str | None = Field(None, description="Name for the operators' pages.")
    ops_password: SecretStr | None = Field(None, description="Password for the operators' pages.")
    registry_api_url: Annotated[str, AfterValidator(_https_or_loopback)] = Field(
        "https://clinicaltrials.gov/api/v2", description="The registry's API, for `records poll`."
    )
    site_study_url: Annotated[str, AfterValidator(_study_url)] = Field(
        "https://clinicaltrials.gov/study/{nct_id}", description="A study's public page, with {nct_id}."
    )
    log_format: Literal["text", "json"] = Field("text", description="How log lines look: text or json.")
    digest_hour: int = Field(8, ge=0, le=23, description="Local hour of daily and weekly digests, unless chosen.")
    digest_weekday: int = Field(1, ge=1, le=7, description="Weekday of weekly digests (1 is Monday), unless chosen.")
    quiet_minutes: int = Field(
        60, ge=1, le=1440, description="After an immediate mail, what follows is gathered for this long."
    )
    batch_size: int = Field(500, ge=1, le=1000, description="Most people in one provider call.")
    max_attempts: int = Field(8, ge=1, le=50, description="Provider calls for one batch before it has failed.")

    @model_validator(mode="before")
    @classmethod
    def _split_lists(cls, values: dict[str, object]) -> dict[str, object]:
        lists = ("secret_keys", "api_keys", "sendgrid_webhook_public_keys")
        return {key: _split(value) if key in lists else value for key, value in values.items()}

    @model_validator(mode="after")
    def _refuse_weak_or_missing(self) -> Self:
        _check_secrets("SECRET_KEYS", self.secret_keys)
        _check_secrets("API_KEYS", self.api_keys)
        if self.mail_provider == "sendgrid" and not self.sendgrid_api_key:
            raise ValueError("SENDGRID_API_KEY is missing; MAIL_PROVIDER=sendgrid needs it")
        if self.mail_provider == "smtp" and not self.smtp_url:
            raise ValueError("SMTP_URL is missing; MAIL_PROVIDER=smtp needs it")
        if self.mail_provider != "outbox" and not self.secret_keys:
            raise ValueError("SECRET_KEYS is missing; links in real mail need a key that outlives this machine")
        return self

    @property
    def quiet_interval(self) -> timedelta:
        return timedelta(minutes=self.quiet_minutes)

    @property
    def outbox_path(self) -> Path:
        return self.outbox_dir or self.notifier_home / "outbox"


def _check_secrets(name: str, keys: list[SecretStr]) -> None:
    for number, key in enumerate(keys, 1):
        text = key.get_secret_value()
        if len(text) < MIN_SECRET_CHARS:
            raise ValueError(f"{name}: key {number} has {len(text)} characters; it needs {MIN_SECRET_CHARS} or more")
        if len(set(text)) < 8:
            raise ValueError(f"{name}: key {number} is too simple; `openssl rand -hex 32` makes a good one")


@cache
def load_settings() -> Settings:
    """Read the environment once. Raises NotifierError that names each wrong variable and its remedy."""
    try:
        return Settings()
    except ValidationError as error:
        raise NotifierError(_explain(error), "See .env.example for each setting.") from None


def _explain(error: ValidationError) -> str:
    """Name the variables and the reasons; never the values, which may be secrets."""
    lines = []
    for problem in error.errors(include_input=False, include_url=False):
        name = "_".join(str(part) for part in problem["loc"][:1]).upper()
        lines.append(f"{name}: {problem['msg']}" if name else problem["msg"].removeprefix("Value error, "))
    return "Settings: " + "; ".join(lines) + "."
