"""What the door tells a session, and how their requests are known."""

import json
import os
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

KEY_HEADER: Final[str] = "X-Session-Key"
"""Header of every request from the door to a session."""
LOOPBACK_HOSTS: Final[frozenset[str]] = frozenset({"127.0.0.1", "localhost", "::1"})
"""Names of this computer that only it can reach."""
MAX_UPLOAD_BYTES: Final[int] = 400 * 2**20
"""The largest films have 16 million pixels of two bytes."""
IDLE_S: Final[int] = 900
"""A session ends when no page has been connected for so long."""


@dataclass(frozen=True)
class Settings:
    """What a session is told at its start."""

    folder: str
    """Private folder for uploads; removed at the end."""
    key: str
    """What `KEY_HEADER` must say."""
    films: list[str] = field(default_factory=list)
    models: str | None = None
    """Folder with ensemble.json; None for the ensemble that ships."""
    sample: str | None = None
    idle_s: int = IDLE_S
    kept: str | None = None
    """Folder where corrections are kept; nowhere when None."""

    def line(self) -> bytes:
        """As the session reads it."""
        return (json.dumps(asdict(self)) + "\n").encode()

    @classmethod
    def from_line(cls, line: str) -> "Settings":
        """The exact inverse of `line`."""
        return cls(**json.loads(line))


def kept_folder() -> Path:
    """Where corrections are kept: with what programs remember of this user (XDG base directories, and their like)."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return base / "spine-alignment" / "corrections"
