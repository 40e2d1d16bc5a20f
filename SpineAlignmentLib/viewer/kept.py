"""Corrections on disk: what was corrected on a page outlives the tab, the session, the viewer and a power cut.

One file for each film and session, by the film's content, with no name in it; whoever opens the same film again is
offered the newest. The folder is private to the user who runs the viewer, and files go after `KEPT_DAYS`.
"""

import json
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.files import write_files
from SpineAlignmentLib.results.result_file import from_json, read_json, to_json

KEPT_DAYS: Final[int] = 14


@dataclass(frozen=True)
class Work:
    """What is kept of a film."""

    corrected: Annotation
    detection: Annotation | None
    """What `reset` goes back to."""
    when: str = ""
    """Local date and time, to the minute."""


@dataclass
class Kept:
    """The corrections of one session among those of all."""

    folder: Path
    owner: str
    """Tells this session's files from others': the name of its private folder."""
    sessions: Path | None = None
    """Where the private folders of sessions are: whose is there is at work, and its files stay."""
    _offered: dict[str, Path] = field(default_factory=dict, init=False, repr=False)
    """The file of each film that was offered last: by the answer another may be newer, such as this session's own."""

    def open(self) -> None:
        """Make the folder, and remove what is too old.

        Raises:
            ResultError: it cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.folder.chmod(0o700)
            end = time.time() - KEPT_DAYS * 86400
            for path in self.folder.glob("*.json"):
                if path.stat().st_mtime < end:
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise ResultError(f"{self.folder}: cannot write there: {error.strerror or error}") from error

    def keep(self, sha256: str, work: Work) -> None:
        """Write what was done on a film.

        Raises:
            ResultError: it cannot be written.
        """
        own = self._own(sha256)
        if self._offered.get(sha256) == own:
            # it is what is written over now, and no offer any more
            del self._offered[sha256]
        content = {"corrected": _nameless(work.corrected), "detection": work.detection and _nameless(work.detection)}
        write_files({own: json.dumps(content, allow_nan=False).encode()})

    def offered(self, sha256: str) -> Work | None:
        """The newest of what is kept of a film; None when nothing is, or it cannot be read."""
        newest = self._newest(sha256)
        self._offered.pop(sha256, None)
        if newest is None:
            return None
        self._offered[sha256] = newest
        with suppress(OSError, ResultError, KeyError, TypeError):
            content = read_json(newest)
            if content["corrected"]:
                detection = content["detection"]
                return Work(
                    from_json(content["corrected"], "kept corrections"),
                    from_json(detection, "kept corrections") if detection else None,
                    datetime.fromtimestamp(newest.stat().st_mtime).strftime("%Y-%m-%d %H:%M"),
                )
        return None

    def adopt(self, sha256: str) -> None:
        """Make what was offered this session's own."""
        offered = self._offered.pop(sha256, None)
        with suppress(OSError):
            if offered is not None and self._at_work(offered, sha256):
                shutil.copyfile(offered, self._own(sha256))
            elif offered is not None:
                offered.replace(self._own(sha256))

    def discard(self, sha256: str) -> None:
        """Remove what was offered, unless somebody else is at work with it."""
        offered = self._offered.pop(sha256, None)
        with suppress(OSError):
            if offered is not None and not self._at_work(offered, sha256):
                offered.unlink(missing_ok=True)

    def forget(self, sha256: str) -> None:
        """Remove what this session kept of a film."""
        with suppress(OSError):
            self._own(sha256).unlink(missing_ok=True)

    def _newest(self, sha256: str) -> Path | None:
        if not sha256:
            return None
        with suppress(OSError):
            return max(self.folder.glob(f"{sha256}-*.json"), key=lambda path: path.stat().st_mtime, default=None)
        return None

    def _at_work(self, path: Path, sha256: str) -> bool:
        owner = path.stem.removeprefix(f"{sha256}-")
        return self.sessions is not None and owner != self.owner and (self.sessions / owner).is_dir()

    def _own(self, sha256: str) -> Path:
        return self.folder / f"{sha256}-{self.owner}.json"


def _nameless(annotation: Annotation) -> dict[str, object]:
    # age and sex are typed as corrections are; what else stands beside may name the patient
    patient = {key: annotation.extra[key] for key in ("patient",) if key in annotation.extra}
    return to_json(replace(annotation, film="", extra=patient))
