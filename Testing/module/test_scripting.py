"""Every recipe of docs/scripting.md runs, in its order, as a user would type it."""

import re
import sys

import numpy as np
import slicer

from Testing.host import subject
from Testing.host.films import add_film
from Testing.package import ROOT


class DicomDatabase:
    """The calls of Slicer's DICOM database that recipes use; the database itself is part of Slicer's application."""

    def __init__(self, files):
        self._files = files

    def patients(self):
        return ["patient"]

    def studiesForPatient(self, _patient):
        return ["study"]

    def seriesForStudy(self, _study):
        return ["series"]

    def filesForSeries(self, _series):
        return [str(f) for f in self._files]

    def fileValue(self, _file, tag):
        assert tag == "0008,0060"
        return "DX"

    def fileForInstance(self, _uid):
        return ""


def test_every_recipe(host, film, models, tmp_path, monkeypatch):
    from PIL import Image

    films = tmp_path / "films"
    films.mkdir()
    Image.fromarray((subject.film_pixels() // 16).astype(np.uint8)).save(films / "a.png")
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.setattr(slicer, "dicomDatabase", DicomDatabase([films / "a.png"]), raising=False)
    after = add_film(slicer.mrmlScene, subject.film_pixels(), subject.SPACING_MM, "after")
    known = {"film": film, "afterSurgery": after, "folder": str(out), "inputFolder": str(films), "slicer": slicer}
    recipes = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "scripting.md").read_text(), re.S)
    assert len(recipes) == 13
    assert "SpineAlignment" in sys.modules
    for number, recipe in enumerate(recipes):
        exec(compile(recipe, f"recipe {number}", "exec"), known)
        if number == 0:
            known["logic"].models = models
    logic = known["logic"]
    assert len(known["batch"].done) == 1
    assert not known["batch"].failures
    written = {"film.json", "film.csv", "film.mrk.json", "film.png", "a.json", "results.csv", "results.sqlite"}
    assert {path.name for path in out.iterdir()} == written
    assert logic.alignment(film).state("FH_2") == "low confidence"
    logic.cancel()
    logic.spine.release()
