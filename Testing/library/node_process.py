"""A node as its own process, and the films and senders that it meets, for tests and benchmarks."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE

from SpineAlignmentLib.film.reading import read_film
from Testing.library.films import SAMPLE_FILM, dicom
from Testing.library.orthanc import free_port, wait_for_port


def sent_film(path: Path) -> Path:
    """The sample film, small and uncompressed, as another object."""
    pixels = np.asarray(Image.fromarray(read_film(SAMPLE_FILM).pixels.astype(np.uint16)).resize((454, 1084)))
    return dicom(path, pixels, bits=16, spacing=(0.76, 0.76), PatientOrientation=["P", "F"])


def another(film: Any, **tags: object) -> Any:
    """The same film as an object of its own."""
    copy = deepcopy(film)
    copy.SOPInstanceUID = copy.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    copy.SeriesInstanceUID, copy.StudyInstanceUID = generate_uid(), generate_uid()
    for keyword, value in tags.items():
        setattr(copy, keyword, value)
    return copy


def associated(port: int, title: str = "MODALITY") -> Any:
    """An association of a modality with a node."""
    entity = AE(ae_title=title)
    entity.add_requested_context(ComputedRadiographyImageStorage, ExplicitVRLittleEndian)
    entity.add_requested_context("1.2.840.10008.1.1")
    entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = 30
    return entity.associate("127.0.0.1", port, ae_title="SPINE")


def send_until_taken(port: int, films: Sequence[Any], seconds: float) -> None:
    """What a modality does: send until each film is said to be safe."""
    waiting = list(films)
    end = time.monotonic() + seconds
    while waiting and time.monotonic() < end:
        association = associated(port)
        while association.is_established and waiting:
            status = association.send_c_store(waiting[0])
            if "Status" in status and status.Status == 0x0000:
                waiting.pop(0)
            else:
                break
        if association.is_established:
            association.release()
        if waiting:
            time.sleep(0.3)
    assert not waiting


def until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait for something that must come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(1)


class NodeProcess:
    """`spine-alignment node` as its own process."""

    def __init__(self, folder: Path, archive: str, *options: str) -> None:
        self.port, self.folder, self.log = free_port(), folder, folder.with_suffix(".log")
        self._command = [
            *(sys.executable, "-m", "SpineAlignmentLib", "node", "--folder", str(folder), "--send-to", archive),
            *("--port", str(self.port), *options),
        ]
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log)
        wait_for_port(self.port)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(timeout=60)
