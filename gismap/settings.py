"""Every setting, typed, read from GISMAP_* variables; nothing else reads the environment."""

from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from gismap.errors import EnvironmentProblemError
from gismap.i18n import Language


class Settings(BaseSettings):
    """The deployment's settings; defaults serve a demo on this machine only."""

    model_config = SettingsConfigDict(env_prefix="GISMAP_", extra="ignore")

    database_url: str | None = Field(
        None, description="The service's role, which owns nothing; empty: a private server"
    )
    database_owner_url: str | None = Field(None, description="The owner's role, for migrations")
    data_dir: Path = Field(Path(".gismap"), description="Where the private server and its logs live")
    host: str = Field("127.0.0.1", description="Address to listen on")
    port: int = Field(8000, ge=1, le=65535)
    proxies: str = Field("", description="Addresses of proxies whose word about the client is believed")
    demo: str = Field("zoucheng", description="Demo district for an empty database, or none")
    timezone: str = Field("Asia/Shanghai", description="In which zone a day begins")
    language: Language = "zh"
    session_idle_s: int = Field(1_800, ge=60, description="A console that nobody uses is signed out after this")
    session_s: int = Field(36_000, ge=300, description="The longest that one sign-in lasts")
    keyring: Path | None = Field(None, description="File with the keys of sealed fields; in the data folder if not set")
    code_scheme: str = Field("12+3+2", description="Digits of a grid code: community, grid, micro-grid")
    statement_timeout_ms: int = Field(5000, ge=100)
    pool_size: int = Field(10, ge=1)
    pool_timeout_s: float = Field(1.5, gt=0)
    max_body_bytes: int = Field(2_000_000, ge=1000)
    max_batch_bytes: int = Field(50_000_000, ge=1000, description="A list of positions to locate at once")
    max_batches: int = Field(2, ge=1, description="Such lists at once, in each process; further ones are answered 503")
    head_timeout_s: float = Field(10.0, gt=0, description="A request line and its headers arrive within this")
    body_timeout_s: float = Field(20.0, gt=0, description="A body arrives within this")
    answer_timeout_s: float = Field(120.0, gt=0, description="An answer is taken within this")
    max_head_bytes: int = Field(65_536, ge=1000, description="Request line and headers")
    max_connections: int = Field(800, ge=1, description="Connections at once; further ones are answered 503")
    requests_per_s: float = Field(50.0, ge=0, description="Requests of one caller in the long run; 0: any number")
    request_burst: float | None = Field(None, ge=1, description="At once after a rest; five seconds' worth when empty")
    max_vertices: int = Field(10_000, ge=4, description="Vertices of a shape in a request")
    handover_days: int = Field(14, ge=0, description="So long both owners of moved land are told")
    far_km: float = Field(50.0, gt=0, description="Farther from the district than this, coordinates are a mistake")

    @property
    def keyring_path(self) -> Path:
        """Where the keys of sealed fields are."""
        return self.keyring or self.data_dir / "keyring.json"

    def beginning_of(self, day: date) -> datetime:
        """The moment when a day begins where the district lies."""
        return datetime.combine(day, time(), ZoneInfo(self.timezone))

    def today(self) -> date:
        """The current day where the district lies."""
        return datetime.now(ZoneInfo(self.timezone)).date()


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process.

    Raises:
        EnvironmentProblemError: a variable holds what cannot be used.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        variable = "GISMAP_" + "_".join(str(part) for part in first["loc"]).upper()
        raise EnvironmentProblemError(first["msg"], field=variable) from error
