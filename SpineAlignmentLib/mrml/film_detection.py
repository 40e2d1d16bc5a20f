"""Detection on a film node: the request that its volume makes, and its answer taken over into the scene."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from SpineAlignmentLib.jobs.detection_job import DetectionQueue, FilmRequest
from SpineAlignmentLib.mrml.alignment import SIDE_BY_HAND, FilmAlignment
from SpineAlignmentLib.mrml.spine_scene import SpineScene
from SpineAlignmentLib.mrml.volume_film import volume_geometry, volume_pixels
from SpineAlignmentLib.results.annotation import Annotation

Node = Any


def start_detection(
    queue: DetectionQueue,
    spine: SpineScene,
    volume: Node,
    on_done: Callable[[FilmAlignment], None] | None = None,
    on_failed: Callable[[str], None] | None = None,
    on_progress: Callable[[float, str], None] | None = None,
    engine: str = "auto",
    models: Path | None = None,
) -> None:
    """Put a film into the queue; its landmarks are set before `on_done` is called with its alignment.

    The child reads the film's file where there is one that still holds what the screen shows, else it gets the pixels:
    Slicer shows a film with an orientation turned or mirrored against its file.

    Raises:
        FilmError: the volume is not a film.
    """
    geometry = volume_geometry(volume)
    alignment = spine.create(volume)
    film = alignment.annotation
    name, volume_id = volume.GetName(), volume.GetID()
    path = spine.file_of(volume) if geometry.as_stored else None
    request = FilmRequest(
        name=name,
        path=path,
        pixels=None if path else volume_pixels(volume, geometry),
        spacing_mm=film.spacing_mm,
        spacing_source=film.spacing_source,
        anterior=film.anterior if alignment.anterior_known else "auto",
        anterior_source=film.anterior_source,
        force=film.anterior_source == SIDE_BY_HAND,
        engine=engine,
        models=models,
    )

    def done(detection: Annotation) -> None:
        present = spine.scene.GetNodeByID(volume_id)
        if present is None or spine.alignment(present) is not alignment:
            failed(f"{name}: the film was removed while its landmarks were being detected")
            return
        alignment.set_detection(detection)
        if on_done is not None:
            on_done(alignment)

    def failed(text: str) -> None:
        logging.warning(text)
        if on_failed is not None:
            on_failed(text)

    queue.submit(request, done, failed, on_progress)
