"""The films of a saved scene (.mrb), for those who will not let Slicer open whatever files a scene names.

A .mrb is a zip archive with one .mrml file (XML) and the data of its nodes. Only what our landmark lists say is looked
at, and only files inside the archive.
"""

import json
import posixpath
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote
from xml.etree import ElementTree

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.mrml.landmark_list import DETECTION, FACTS, FILM_ROLE, MARKED
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.result_file import from_json

MAX_SCENE_BYTES: Final[int] = 32 * 2**20
"""Of the .mrml file; a film takes some hundred thousand bytes there."""
_PIECE: Final[int] = 1 << 20

_Nodes = Mapping[str, ElementTree.Element]


@dataclass(frozen=True)
class SavedFilm:
    """A film with landmarks in a scene."""

    name: str
    """What its volume is called."""
    film: Annotation
    """What was known of it and marked on it; its landmarks as they were before they were last moved."""
    detection: Annotation | None
    pixels: str
    """The archive's member with its pixels."""
    landmarks: str
    """The archive's member with its landmarks, as markups."""


def saved_films(path: Path) -> list[SavedFilm]:
    """The films of a scene that have landmarks of ours, in the scene's order.

    Raises:
        ResultError: no such scene, or none of its films has landmarks.
    """
    with _opened(path) as archive:
        names = [name for name in archive.namelist() if name.lower().endswith(".mrml")]
        if len(names) != 1:
            raise ResultError(f"{path.name}: not a scene that Slicer saved as a bundle (.mrb)")
        text = _content(archive, names[0], MAX_SCENE_BYTES)
        if b"<!DOCTYPE" in text:
            # entities, which Slicer never writes
            raise ResultError(f"{path.name}: {names[0]} is not what Slicer writes")
        root = ElementTree.fromstring(text)
        nodes = {node.attrib.get("id", ""): node for node in root}
        folder = posixpath.dirname(names[0])
        films = [_film(node, nodes, folder) for node in root if FILM_ROLE in _pairs(node, "references")]
    if not films:
        raise ResultError(f"{path.name}: no film in this scene has landmarks of SpineAlignment")
    return films


def unpack(path: Path, member: str, to: Path, most_bytes: int) -> None:
    """Write a member of the archive to a new file.

    Args:
        path: the archive.
        member: one that `saved_films` names.
        to: the new file.
        most_bytes: what is larger is no film, whatever the archive says of its size.

    Raises:
        ResultError: it is not there, too large or damaged.
    """
    with _opened(path) as archive, archive.open(member) as source, to.open("xb") as stream:
        size = 0
        while piece := source.read(_PIECE):
            size += len(piece)
            if size > most_bytes:
                raise ResultError(f"{path.name}: {posixpath.basename(member)} is too large")
            stream.write(piece)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive; what is wrong with it or in it is said of the file."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    # as zipfile, zlib, the parser of XML and that of JSON have it; RuntimeError of an encrypted member
    except (zipfile.BadZipFile, ElementTree.ParseError, KeyError, ValueError, TypeError, EOFError, OSError,
            RuntimeError, RecursionError, zipfile.LargeZipFile) as error:  # fmt: skip
        raise ResultError(f"{path.name}: a scene that is damaged or cannot be read: {error}") from error


def _content(archive: zipfile.ZipFile, member: str, most_bytes: int) -> bytes:
    with archive.open(member) as stream:
        content = stream.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise ValueError(f"{member} is too large")
    return content


def _film(landmarks: ElementTree.Element, nodes: _Nodes, folder: str) -> SavedFilm:
    """What a list of landmarks says of its film."""
    volume = nodes[_pairs(landmarks, "references")[FILM_ROLE]]
    name = volume.attrib["name"]
    said = _pairs(landmarks, "attributes")
    facts = json.loads(said[FACTS])
    spacing = {key: facts[key] for key in ("spacing_mm", "spacing_source")}
    detection = said.get(DETECTION)
    return SavedFilm(
        name,
        from_json(facts[MARKED] | spacing, name),
        from_json(json.loads(detection), name) if detection else None,
        _file(volume, nodes, folder),
        _file(landmarks, nodes, folder),
    )


def _file(node: ElementTree.Element, nodes: _Nodes, folder: str) -> str:
    """The archive's member that holds the data of a node."""
    storage = nodes[_pairs(node, "references")["storage"]]
    return posixpath.normpath(posixpath.join(folder, unquote(storage.attrib["fileName"])))


def _pairs(node: ElementTree.Element, name: str) -> dict[str, str]:
    """An attribute such as "role:id;role:id;", whose parts are percent-encoded (vtkMRMLNode::WriteXML)."""
    parts = (part.partition(":") for part in node.attrib.get(name, "").split(";"))
    return {unquote(key): unquote(value) for key, _, value in parts if key}
