"""What is kept on disk of corrections: whose, of which film, and for how long."""

import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.viewer.kept import KEPT_DAYS, Kept, Work

FILM, OTHER = "a" * 64, "b" * 64


def work(by: float = 0.0) -> Work:
    points = np.full((45, 2), 7.0 + by)
    points[3] = np.nan
    found = Annotation("Doe^Jane.dcm", (90, 200), points, spacing_mm=(0.2, 0.2), models=("m",), film_sha256=FILM)
    return Work(found, replace(found, points_px=points + 1))


def session(folder: Path, owner: str) -> Kept:
    kept = Kept(folder, owner)
    kept.open()
    return kept


def test_the_newest_of_a_film_is_offered_whole_and_without_its_name(tmp_path: Path) -> None:
    first, second = session(tmp_path, "one"), session(tmp_path, "two")
    first.keep(FILM, work())
    second.keep(FILM, work(5))
    newest = time.time() + 10
    os.utime(tmp_path / f"{FILM}-two.json", (newest, newest))
    offered = session(tmp_path, "three").offered(FILM)
    assert offered is not None and offered.detection is not None
    assert np.allclose(offered.corrected.points_px, work(5).corrected.points_px, equal_nan=True)
    assert np.allclose(offered.detection.points_px, offered.corrected.points_px + 1, equal_nan=True)
    assert (offered.corrected.spacing_mm, offered.corrected.models) == ((0.2, 0.2), ("m",))
    assert first.offered(OTHER) is None and first.offered("") is None
    assert not any(b"Doe" in path.read_bytes() for path in tmp_path.iterdir())


def test_each_session_forgets_its_own_and_takes_over_or_discards_what_it_was_offered(tmp_path: Path) -> None:
    first, second = session(tmp_path, "one"), session(tmp_path, "two")
    first.keep(FILM, work())
    second.forget(FILM)
    assert second.offered(FILM) is not None
    second.adopt(FILM)
    assert [path.name for path in tmp_path.iterdir()] == [f"{FILM}-two.json"]
    first.forget(FILM)
    assert second.offered(FILM) is not None
    second.discard(FILM)
    assert not list(tmp_path.iterdir()) and second.offered(FILM) is None


def test_work_that_went_on_beside_an_offer_is_not_discarded_with_it(tmp_path: Path) -> None:
    first, second = session(tmp_path, "one"), session(tmp_path, "two")
    first.keep(FILM, work())
    assert second.offered(FILM) is not None
    second.keep(FILM, work(5))
    second.discard(FILM)
    assert [path.name for path in tmp_path.iterdir()] == [f"{FILM}-two.json"]
    assert second.offered(FILM) is not None
    second.keep(FILM, work(6))
    second.discard(FILM)
    assert [path.name for path in tmp_path.iterdir()] == [f"{FILM}-two.json"]


def test_what_another_session_is_at_work_with_stays_its_own(tmp_path: Path) -> None:
    kept, sessions = tmp_path / "kept", tmp_path / "sessions"
    (sessions / "one").mkdir(parents=True)
    first, second = Kept(kept, "one", sessions), Kept(kept, "two", sessions)
    first.open()
    first.keep(FILM, work())
    assert second.offered(FILM) is not None
    second.discard(FILM)
    assert second.offered(FILM) is not None
    second.adopt(FILM)
    assert sorted(path.name for path in kept.iterdir()) == [f"{FILM}-one.json", f"{FILM}-two.json"]
    (sessions / "one").rmdir()
    second.forget(FILM)
    assert second.offered(FILM) is not None
    second.discard(FILM)
    assert not list(kept.iterdir())


def test_what_is_old_goes_and_what_is_damaged_is_not_offered(tmp_path: Path) -> None:
    kept = session(tmp_path, "one")
    kept.keep(FILM, work())
    (tmp_path / f"{OTHER}-one.json").write_text('{"corrected": ')
    assert kept.offered(OTHER) is None
    old = time.time() - (KEPT_DAYS + 1) * 86400
    os.utime(tmp_path / f"{FILM}-one.json", (old, old))
    assert session(tmp_path, "two").offered(FILM) is None
