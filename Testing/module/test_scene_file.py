"""Films of a saved scene, read without Slicer opening what a scene names."""

import zipfile

import pytest

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.mrml.reopening import take_up
from SpineAlignmentLib.mrml.scene_file import saved_films, unpack
from Testing.host import subject
from Testing.host.films import add_film
from Testing.module import scene_files


@pytest.fixture
def bundle(alignment, scene, tmp_path):
    """A scene with a corrected film as Slicer bundles it."""
    alignment.set_detection(subject.detection())
    alignment.set_point("S1_A", (300.5, 1300.25))
    alignment.set_point("FH_2", None)
    alignment.set_spacing((0.5, 0.5), "typed")
    alignment.set_anterior("right")
    scene_files.save(scene, tmp_path / "saved")
    path = tmp_path / "film.mrb"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted((tmp_path / "saved").iterdir()):
            archive.write(file, f"saved/{file.name}")
    return path


def rewritten(bundle, change):
    """The bundle with another .mrml."""
    path = bundle.with_name("other.mrb")
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content) if name.endswith(".mrml") else content)
    return path


def test_what_was_saved_comes_back_on_another_volume(spine, scene, alignment, bundle, tmp_path):
    (saved,) = saved_films(bundle)
    assert saved.film.spacing_mm == (0.5, 0.5) and saved.detection.models == subject.detection().models
    unpack(bundle, saved.landmarks, tmp_path / "landmarks.mrk.json", 10**6)
    again = spine.create(add_film(scene, subject.film_pixels(), subject.SPACING_MM, "again"))
    take_up(again, saved.film, saved.detection, tmp_path / "landmarks.mrk.json")
    assert again.points_px == pytest.approx(alignment.points_px, abs=0.01, nan_ok=True)
    assert again.parameters == pytest.approx(alignment.parameters, abs=0.05, nan_ok=True)
    facts = again.annotation
    assert (facts.spacing_mm, facts.spacing_source, facts.anterior) == ((0.5, 0.5), "typed", "right")
    again.reset()
    assert again.points_px == pytest.approx(subject.detection().points_px, abs=0.01, nan_ok=True)


def test_only_files_of_the_archive_are_opened(bundle, tmp_path):
    (tmp_path / "secret").write_text("not to be seen")
    (saved,) = saved_films(bundle)
    name = saved.pixels.rsplit("/", 1)[1].encode()
    for outside in (b"../secret", b"../../secret", str(tmp_path / "secret").encode(), b"%2e%2e/secret"):
        (film,) = saved_films(rewritten(bundle, lambda text, o=outside: text.replace(name, o)))
        with pytest.raises(ResultError, match=r"other\.mrb: a scene that is damaged"):
            unpack(tmp_path / "other.mrb", film.pixels, tmp_path / "out", 10**9)
        assert not (tmp_path / "out").exists()


def test_what_is_no_scene_is_refused_in_one_line(bundle, tmp_path):
    (tmp_path / "text.mrb").write_text("no archive")
    cut = tmp_path / "cut.mrb"
    cut.write_bytes(bundle.read_bytes()[:-200])
    cases = [
        (tmp_path / "text.mrb", "damaged"),
        (cut, "damaged"),
        (tmp_path / "absent.mrb", "cannot be read"),
        (rewritten(bundle, lambda text: text[: len(text) // 2]), "damaged"),
    ]
    for path, text in cases:
        with pytest.raises(ResultError, match=rf"{path.name}: .*{text}"):
            saved_films(path)
    for change, text in (
        (lambda text: text.replace(b"<MRML", b'<!DOCTYPE a [<!ENTITY b "c">]><MRML', 1), "not what Slicer writes"),
        (lambda text: text.replace(b"SpineAlignment.film", b"Other.film"), "no film in this scene"),
        (lambda text: text.replace(b"spacing_mm", b"spacing"), "damaged"),
        (lambda text: text.replace(b"&quot;x_px&quot;: ", b"&quot;x_px&quot;: [", 1), "damaged"),
    ):
        with pytest.raises(ResultError, match=text):
            saved_films(rewritten(bundle, change))


def test_a_member_larger_than_allowed_is_not_unpacked(bundle, tmp_path):
    (saved,) = saved_films(bundle)
    with pytest.raises(ResultError, match="too large"):
        unpack(bundle, saved.pixels, tmp_path / "out", 1000)
