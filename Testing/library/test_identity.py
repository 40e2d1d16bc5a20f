"""Traceable without names: what a film says of its patient is in no output, log or process list; pseudonyms hold."""

import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import generate_uid

from SpineAlignmentLib.command_line import main
from SpineAlignmentLib.film.identity import (
    Identity,
    KeyFileError,
    make_key,
    of_others,
    pseudonyms,
    read_identity,
    read_key,
)
from Testing import small_models
from Testing.host import subject
from Testing.library.films import dicom

SECRETS = {
    "PatientName": "ZZDOE^ZZJANE",
    "PatientID": "ZZ770077",
    "IssuerOfPatientID": "ZZISSUER",
    "OtherPatientNames": "ZZOTHER",
    "PatientBirthName": "ZZMAIDEN",
    "PatientAddress": "ZZSTREET 4",
    "PatientTelephoneNumbers": "ZZ5551234",
    "PatientBirthDate": "19331109",
    "StudyDate": "20190417",
    "SeriesDate": "20190418",
    "AcquisitionDate": "20190419",
    "AccessionNumber": "ZZACC123",
    "StudyID": "ZZSTUDYID",
    "InstitutionName": "ZZHOSPITAL",
    "ReferringPhysicianName": "ZZDOCTOR",
    "OperatorsName": "ZZOPERATOR",
    "PatientComments": "ZZCOMMENT",
    "StudyDescription": "ZZSTUDY",
    "SeriesDescription": "ZZSERIES",
    "ProtocolName": "ZZPROTOCOL",
    "StationName": "ZZSTATION",
    "StudyInstanceUID": generate_uid(),
    "SeriesInstanceUID": generate_uid(),
    "FrameOfReferenceUID": generate_uid(),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    pytest.importorskip("onnx")
    return small_models.write(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Two visits of a patient, one of another, one film that says nothing, and two damaged ones full of names."""
    folder = tmp_path_factory.mktemp("films")
    pixels = subject.film_pixels()[::4, ::4]
    dicom(folder / "a.dcm", pixels, **SECRETS)
    dicom(folder / "b.dcm", pixels, **SECRETS | {"StudyDate": "20200417", "StudyInstanceUID": generate_uid()})
    dicom(folder / "c.dcm", pixels, **SECRETS | {"PatientID": "ZZ880088"})
    silent = pydicom.dcmread(dicom(folder / "d.dcm", pixels))
    del silent.PatientID, silent.PatientName, silent.StudyInstanceUID
    silent.save_as(folder / "d.dcm")
    whole = (folder / "a.dcm").read_bytes()
    (folder / "cut.dcm").write_bytes(whole[:-3000])
    (folder / "odd.dcm").write_bytes(whole[: whole.index(b"ZZHOSPITAL") + 5])
    return folder


def secrets_of(folder):
    found = {str(value) for value in SECRETS.values()} | {"ZZ", "ZZ880088"}
    for path in folder.glob("?.dcm"):
        data = pydicom.dcmread(path)
        found |= {str(data.SOPInstanceUID), str(data.get("StudyInstanceUID", "ZZ"))}
    return [text.encode() for text in found]


def rows(out):
    return {row["file"]: row for row in csv.DictReader((out / "results.csv").open())}


def test_nothing_of_the_patient_is_in_any_output(tmp_path, films, models):
    key, out, log = tmp_path / "key", tmp_path / "out", tmp_path / "log"
    make_key(key)
    start = [
        sys.executable,
        "-m",
        "SpineAlignmentLib",
        "detect",
        str(films),
        "-o",
        str(out),
        "--models",
        str(models),
        "--force",
    ]
    start += ["--pseudonym-key", str(key), "--log", str(log), "--progress", "json", "--workers", "2"]
    said = tmp_path / "said"
    with said.open("wb") as stream:
        process = subprocess.Popen(start, stdout=stream, stderr=stream)
        listed = set()
        while process.poll() is None:
            for place in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    listed.add(place.read_bytes())
                except OSError:
                    continue
            time.sleep(0.02)
    assert process.returncode == 1
    assert any(b"spawn_main" in line for line in listed) or not Path("/proc").exists()
    outputs = {path: path.read_bytes() for path in (*out.iterdir(), said, log)}
    assert len(outputs) == 4 * 3 + 4
    for secret in secrets_of(films):
        for path, content in outputs.items():
            # two letters happen to stand in packed pixels
            assert secret not in content or (secret == b"ZZ" and path.suffix == ".png"), path
        assert not any(secret in line for line in listed)
    assert all(row["reason"] for name, row in rows(out).items() if name in ("cut.dcm", "odd.dcm"))
    assert b"odd.dcm" in log.read_bytes()
    events = [json.loads(line) for line in said.read_bytes().splitlines() if line.startswith(b"{")]
    assert [events[0]["event"], events[-1]["event"]] == ["start", "end"]
    assert (events[-1]["done"], events[-1]["failed"], events[-1]["total"]) == (4, 2, 6)


def test_pseudonyms_tell_patients_and_visits(tmp_path, films, models, capsys):
    keys = [tmp_path / "one", tmp_path / "two"]
    tables = []
    for key in (keys[0], keys[0], keys[1]):
        if not key.exists():
            assert main(["make-key", str(key)]) == 0
        out = tmp_path / f"out {len(tables)}"
        arguments = [
            "detect",
            *map(str, films.glob("?.dcm")),
            "-o",
            str(out),
            "--models",
            str(models),
            "--quiet",
            "--force",
        ]
        assert main([*arguments, "--pseudonym-key", str(key)]) == 0
        tables.append(rows(out))
    first, same, other = tables
    assert first["a.dcm"]["patient"] == first["b.dcm"]["patient"] != first["c.dcm"]["patient"]
    assert first["a.dcm"]["study"] != first["b.dcm"]["study"]
    assert [first[f"{name}.dcm"]["day"] for name in "abcd"] == ["0", "366", "0", ""]
    assert not first["d.dcm"]["patient"]
    assert all(first[name]["patient"] == same[name]["patient"] for name in first)
    assert {first[f"{n}.dcm"]["patient"] for n in "abc"}.isdisjoint({other[f"{n}.dcm"]["patient"] for n in "abc"})
    assert capsys.readouterr().err == ""


def both_films(films, out, models):
    """The command that detects two of the films."""
    names = (str(films / name) for name in ("a.dcm", "b.dcm"))
    return ["detect", *names, "-o", str(out), "--models", str(models), "--force"]


def test_corrected_landmarks_keep_patient_and_day(tmp_path, films, models):
    make_key(tmp_path / "key")
    out = tmp_path / "out"
    arguments = both_films(films, out, models)
    assert main([*arguments, "--pseudonym-key", str(tmp_path / "key")]) == 0
    assert main(["measure", str(out / "a.json"), str(out / "b.mrk.json"), "-o", str(tmp_path / "m")]) == 0
    measured, found = rows(tmp_path / "m"), rows(out)
    for name, film in (("a.json", "a.dcm"), ("b.mrk.json", "b.dcm")):
        assert [measured[name][c] for c in ("patient", "study", "day")] == [
            found[film][c] for c in ("patient", "study", "day")
        ]
        assert measured[name]["film_sha256"] == found[film]["fingerprint"]


def test_the_real_tags_are_written_only_when_asked_for(tmp_path, films, models, capsys):
    out = tmp_path / "out"
    arguments = both_films(films, out, models)
    assert main([*arguments, "--identify"]) == 0
    assert "--identify: names, IDs and dates of patients go into" in capsys.readouterr().err
    row = rows(out)["b.dcm"]
    assert (row["patient_id"], row["patient_name"], row["study_date"]) == ("ZZ770077", "ZZDOE^ZZJANE", "20200417")
    assert row["day"] == "366"
    assert main(arguments) == 0
    assert all(b"ZZ" not in path.read_bytes() for path in out.iterdir() if path.suffix != ".png")


def test_calendars_and_pseudonyms_need_the_key():
    a, b = bytes(32), bytes([1] * 32)
    who = [Identity(patient_id=str(i), study_date="20190417", study_uid="1.2") for i in range(200)]
    assert len({pseudonyms(w, a).patient for w in who}) == 200
    assert len({pseudonyms(w, a).day for w in who}) > 190
    assert all(pseudonyms(w, a).day != pseudonyms(w, b).day for w in who[:3])
    assert pseudonyms(Identity(), a) == pseudonyms(Identity(), b)
    assert Identity(patient_id="1", issuer="A").patient != Identity(patient_id="1", issuer="B").patient
    assert Identity(patient_name="A", birth_date="1").patient != Identity(patient_id="A").patient
    assert Identity(study_date="no date").day is None
    # as a patient's first film, a day of an unset clock would put all others a century later
    assert all(Identity(study_date=text).day is None for text in ("19000101", "1970.01.01", "21200101"))
    assert Identity(study_date="2020.01.05").day == Identity(study_date="20200105").day is not None


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ({}, {"patient_id": "1"}, False),
        ({"patient_id": "1"}, {"patient_id": "2"}, True),
        ({"patient_id": "1", "patient_name": "Doe^Jane"}, {"patient_id": "1", "patient_name": "Roe^Jane"}, False),
        ({"patient_id": "1", "issuer": "A"}, {"patient_id": "1"}, False),
        ({"patient_id": "1", "issuer": "A"}, {"patient_id": "2", "issuer": "B"}, False),
        ({"patient_id": "1"}, {"patient_name": "Doe^Jane"}, False),
        ({"patient_name": "Doe^Jane"}, {"patient_name": "DOE^JANE^^"}, False),
        ({"patient_name": "Doe^Jane"}, {"patient_name": "Doe^John"}, True),
        ({"birth_date": "19500102"}, {"birth_date": "19500103"}, True),
    ],
)
def test_films_of_different_patients_are_told_where_both_say_who(one, other, differ):
    assert bool(of_others(Identity(**one), Identity(**other))) is differ
    assert bool(of_others(Identity(**other), Identity(**one))) is differ


def test_keys(tmp_path, capsys):
    path = tmp_path / "key"
    make_key(path)
    key = read_key(path)
    assert len(key) == 32 and path.stat().st_mode & 0o077 == 0
    with pytest.raises(KeyFileError, match="must not be lost"):
        make_key(path)
    assert read_key(path) == key
    path.chmod(0o644)
    if sys.platform != "win32":
        with pytest.raises(KeyFileError, match="chmod 600"):
            read_key(path)
    short = tmp_path / "short"
    short.write_text("abcd")
    short.chmod(0o600)
    for bad in (short, tmp_path / "none"):
        assert main(["detect", "x.dcm", "-o", str(tmp_path / "out"), "--pseudonym-key", str(bad)]) == 1
        assert "make-key" in capsys.readouterr().err


def test_a_picture_says_nothing_of_a_patient(tmp_path):
    (tmp_path / "x.png").write_bytes(b"\x89PNG")
    assert read_identity(tmp_path / "x.png") == Identity()
