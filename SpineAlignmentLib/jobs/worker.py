"""The child process that detects landmarks for a front end: `python -m SpineAlignmentLib.jobs.worker`.

It reads requests from standard input, one JSON object a line, and answers with JSON lines on standard output:

    {"id": 1, "path": "film.dcm" | "pixels": "film.npy", "name", "spacing_mm", "spacing_source", "anterior": "auto" |
     "left" | "right", "anterior_source", "engine", "models"}
    -> {"id": 1, "progress": 0.5, "stage": "looking at the spine"} ...
    -> {"id": 1, "result": {...}}  (the content of a result file)  or  {"id": 1, "error": "one line"}

The models stay loaded from one request to the next. It ends when its input closes, as it does when the front end ends.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

from SpineAlignmentLib.errors import FilmError, SpineAlignmentError, by_hand
from SpineAlignmentLib.jobs.sealing import seal_as_told

Answer = Callable[[dict[str, Any]], None]


def serve(requests: TextIO, answers: TextIO) -> None:
    """Answer requests until their stream ends."""
    answer_lines(requests, answers, lambda request, answer: {"result": _detect(request, answer)})


def answer_lines(
    requests: TextIO, answers: TextIO, work: Callable[[Mapping[str, Any], Answer], dict[str, Any]]
) -> None:
    """Answer each request with what `work` makes of it, or with why it could not."""
    for line in requests:
        if not line.strip():
            continue
        request = json.loads(line)
        name = request.get("name") or request.get("path")

        def answer(content: dict[str, Any], number: Any = request.get("id")) -> None:  # noqa: B008
            answers.write(json.dumps({"id": number, **content}) + "\n")
            answers.flush()

        try:
            answer(work(request, answer))
        except SpineAlignmentError as error:
            answer({"error": str(error)})
        except MemoryError:
            answer({"error": f"{name}: not enough memory"})
        # whatever a library raises belongs to this one film; the next request must still be answered
        except Exception as error:
            answer({"error": f"{name}: {type(error).__name__}: {error}"})


def _detect(request: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    answer({"progress": 0.0, "stage": "loading the models"})
    # heavy libraries are imported here, not before the first request
    import numpy as np

    from SpineAlignmentLib.detection.detector import detect
    from SpineAlignmentLib.film.film import GIVEN, film_from_pixels
    from SpineAlignmentLib.film.reading import read_film
    from SpineAlignmentLib.results.result_file import to_json

    if "pixels" in request:
        film = film_from_pixels(np.load(request["pixels"]), request["name"])
    else:
        film = read_film(request["path"], force=bool(request.get("force")))
    source = request.get("spacing_source", "given")
    if request.get("spacing_mm") and source != film.spacing_source:
        film = film.calibrated(tuple(request["spacing_mm"]), source)
    if request.get("anterior", "auto") != "auto":
        film = film.facing(request["anterior"], request.get("anterior_source", GIVEN))
    models = Path(request["models"]) if request.get("models") else None
    try:
        found = detect(
            film,
            models=models,
            engine=request.get("engine", "auto"),
            progress=lambda share, stage: answer({"progress": share, "stage": stage}),
            force=bool(request.get("force")),
        )
    except FilmError as error:
        raise FilmError(by_hand(str(error))) from error
    return to_json(found)


def main() -> None:
    """Serve standard input; what libraries print goes to standard error, so that it cannot break an answer."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    seal_as_told()
    serve(sys.stdin, answers)


if __name__ == "__main__":
    main()
