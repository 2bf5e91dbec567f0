"""Settings: everything a house can tune, typed, with sensible defaults.

Lives here: the settings object (environment variables with the prefix `CAW_`) and the folders below `CAW_HOME`.
Stays out: per-source declarations (`landing/<source>/_source.yml`, read by ingest) and gate thresholds.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Probabilistic(StrEnum):
    """Whether a run compares names, years of birth and places of accounts that nothing links, and by which model."""

    off = "off"
    on = "on"
    retrain = "retrain"


class Settings(BaseSettings):
    """Typed settings of one house; `CAW_HOME=/srv/caw` and the like override the defaults."""

    model_config = SettingsConfigDict(env_prefix="CAW_", extra="ignore", frozen=True)

    home: Path = Field(Path("data"), description="Folder below which everything the program writes lies.")
    landing: Path | None = Field(None, description="Folder of exports, only read. Default: CAW_HOME/landing.")
    reporting_currency: str | None = Field(
        None,
        pattern=r"^[A-Z]{3}$",
        description="ISO 4217 code of the reporting currency. Default: that of the version served, else the one "
        "currency of all exports, else USD.",
    )
    reporting_tz: str = Field("UTC", description="Time zone in which the as-of day ends.")
    identity_as_of: date | None = Field(
        None, description="Day whose belief of who is whom a run uses. Default: that of the as-of day."
    )
    possible_posterior: float | None = Field(
        None,
        ge=0.5,
        le=1,
        description="Probability from which a run joins a possible link by itself. Default: never, people decide "
        "(`caw review`).",
    )
    probabilistic: Probabilistic = Field(
        Probabilistic.off,
        description="Whether a run also compares names, years of birth and places of accounts that nothing links: off; "
        "on, by the model that is kept (the first such run trains it); retrain, by a model trained anew, kept from then "
        "on. Needs the extra `probabilistic`.",
    )
    horizon_days: int = Field(365, ge=30, le=3650, description="Horizon of value, in days.")
    discount_rate: float = Field(0.10, ge=0, lt=1, description="Yearly discount rate.")
    memory_limit: str = Field("2GB", description="DuckDB's memory limit.")
    threads: int = Field(2, ge=1, description="Threads of DuckDB and dbt.")
    max_temp_size: str = Field("20GB", description="Limit of DuckDB's spill folder.")
    keep_versions: int = Field(5, ge=3, description="Published versions kept for rollback.")
    quarantine_limit_rate: float = Field(
        0.05, ge=0, le=1, description="Share of a file's rows that may be quarantined before the file is refused whole."
    )
    pepper: SecretStr | None = Field(
        None, description="Key of the identifier hashes, 32 bytes or more. Default: the vault's file."
    )

    @property
    def landing_dir(self) -> Path:
        """Where the exports lie, one folder per source system."""
        return self.landing or self.home / "landing"

    @property
    def raw_dir(self) -> Path:
        """Typed, tokenised Parquet, `raw/<source>/<table>/<sha256>.parquet`, with a book entry beside each file."""
        return self.home / "raw"

    @property
    def quarantine_dir(self) -> Path:
        """Rows and files refused, with their reasons (mode 0700)."""
        return self.home / "quarantine"

    @property
    def vault_dir(self) -> Path:
        """Clear identifiers by value key, and the pepper (mode 0700)."""
        return self.home / "vault"

    @property
    def build_path(self) -> Path:
        """The private DuckDB file that a run works on."""
        return self.home / "build" / "current.duckdb"

    @property
    def state_dir(self) -> Path:
        """Append-only state that outlives rebuilds and rollbacks."""
        return self.home / "state"

    @property
    def warehouse_dir(self) -> Path:
        """Published versions and the pointer to the one served."""
        return self.home / "warehouse"

    @property
    def reports_dir(self) -> Path:
        """HTML reports, one per run."""
        return self.home / "reports"

    @property
    def dagster_dir(self) -> Path:
        """DAGSTER_HOME."""
        return self.home / "dagster"
