"""The child process that reads films for a front end: `python -m SpineAlignmentLib.jobs.read_worker`.

It reads requests from standard input, one JSON object a line, and answers with JSON lines on standard output:

    {"id": 1, "path": "film.dcm", "pixels": "1.npy" | null}
    -> {"id": 1, "film": {...}}  (all of the film but its pixels, which are saved where asked)
    or {"id": 1, "error": "one line"}

It ends when its input closes, as it does when the front end ends.
"""

import os
import sys
from collections.abc import Mapping
from typing import Any

from SpineAlignmentLib.jobs.sealing import seal_as_told
from SpineAlignmentLib.jobs.worker import answer_lines


def read(request: Mapping[str, Any]) -> dict[str, Any]:
    """Read a film.

    Raises:
        FilmError: it cannot be read.
    """
    # heavy libraries are imported here, not before the first request
    import dataclasses

    import numpy as np

    from SpineAlignmentLib.film.reading import read_film

    film = read_film(request["path"])
    if request.get("pixels"):
        np.save(request["pixels"], film.pixels)
    apart = ("pixels", "placement", "fingerprint")
    facts = {f.name: getattr(film, f.name) for f in dataclasses.fields(film) if f.name not in apart}
    more = {"placement": dataclasses.asdict(film.placement), "size_px": film.size_px, "sha256": film.sha256}
    return {"film": facts | more}


def main() -> None:
    """Serve standard input; what libraries print goes to standard error, so that it cannot break an answer."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    seal_as_told()
    # nothing is heavier than the first import: do it while nobody waits
    import SpineAlignmentLib.film.reading  # noqa: F401

    answer_lines(sys.stdin, answers, lambda request, _: read(request))


if __name__ == "__main__":
    main()
