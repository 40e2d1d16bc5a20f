"""What is taken from a browser, and where it goes."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.viewer import uploads
from SpineAlignmentLib.viewer.command import SAMPLE_FILM


async def pieces(content: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def store(folder, name, content):
    return asyncio.run(uploads.UploadFolder(folder).store(name, pieces(content)))


def test_a_film_arrives_as_it_was_sent_and_can_be_discarded(tmp_path):
    content = SAMPLE_FILM.read_bytes()[:50_000]
    folder = uploads.UploadFolder(tmp_path)
    path = asyncio.run(folder.store("film.dcm", pieces(content)))
    assert path.read_bytes() == content
    folder.discard(path)
    assert not list(tmp_path.iterdir())
    folder.discard(SAMPLE_FILM)
    assert SAMPLE_FILM.is_file()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "an empty file"),
        (b"<html></html>" * 999, "not an image that can be read"),
        (b"ObjectType = Image\nNDims = 2\nDimSize = 9 9\nElementDataFile = /etc/passwd\n", "in another file"),
        (b"ObjectType = Image\nNDims = 2\nElementDataFile = film.raw\n", "in another file"),
        (b"NRRD0004\ntype: uchar\ndata file: /etc/passwd\n\n", "in another file"),
        (b"NRRD0004\ntype: uchar\nDataFile: film.raw\n\n", "in another file"),
    ],
)
def test_what_cannot_be_a_film_by_itself_is_refused_and_not_kept(tmp_path, content, text):
    with pytest.raises(FilmError, match=text):
        store(tmp_path, "x.bin", content)
    assert not list(tmp_path.iterdir())


def test_a_film_that_is_too_large_is_refused_while_it_arrives(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "MAX_UPLOAD_BYTES", 20_000)
    with pytest.raises(FilmError, match="larger than"):
        store(tmp_path, "film.dcm", SAMPLE_FILM.read_bytes()[:50_000])
    assert not list(tmp_path.iterdir())


def test_local_data_of_a_meta_image_is_taken(tmp_path):
    content = b"ObjectType = Image\nNDims = 2\nDimSize = 9 9\nElementDataFile = LOCAL\n" + bytes(81)
    assert store(tmp_path, "film.mha", content).read_bytes() == content


@given(st.text())
def test_names_never_lead_out_of_the_folder(name):
    safe = uploads.safe_name(name)
    assert safe and safe not in (".", "..") and not set(safe) & set("/\\\0\n") and len(safe.encode()) < 1000


@pytest.mark.parametrize(
    ("name", "kept"), [("../../etc/passwd", "passwd"), ("C:\\films\\a.dcm", "a.dcm"), ("..", "film")]
)
def test_folders_are_dropped_from_names(name, kept):
    assert uploads.safe_name(name) == kept


def test_saved_work_has_room_where_films_have_none():
    from SpineAlignmentLib.viewer.workplace import Workplace

    full = SimpleNamespace(_files=range(uploads.MAX_FILMS))
    with pytest.raises(FilmError, match="close one first"):
        Workplace.check_room(full, "film.dcm")
    for name in ("film.json", "film.mrk.json", "film.mrb"):
        Workplace.check_room(full, name)


def test_files_that_cannot_be_opened_are_told_also_where_films_come_after_them(page, tmp_path):
    film = Image.fromarray((pydicom.dcmread(SAMPLE_FILM).pixel_array[::4, ::4] // 16).astype(np.uint8))
    film.save(tmp_path / "film.png")
    (tmp_path / "notes.dcm").write_text("not a film at all" * 400)
    (tmp_path / "empty.png").write_bytes(b"")
    page.send(tmp_path / "notes.dcm", tmp_path / "empty.png", tmp_path / "film.png")
    page.page.wait_for_selector(".films li:nth-child(2)")
    lines = page.page.text_content(".message span").splitlines()
    assert [line.split(": ")[0] for line in lines] == ["notes.dcm", "empty.png"]
    page.page.click(".films li:nth-child(2) .close")
    page.page.wait_for_selector(".films li:nth-child(2)", state="detached")
    # the next ones that are chosen are told of alone
    page.send(tmp_path / "empty.png")
    page.page.wait_for_function("document.querySelector('.message span').textContent === 'empty.png: an empty file'")
    page.send(tmp_path / "film.png")
    page.page.wait_for_selector(".films li:nth-child(2)")
    page.page.wait_for_selector(".message", state="detached")
    page.page.click(".films li:nth-child(2) .close")
    page.page.wait_for_selector(".films li:nth-child(2)", state="detached")
