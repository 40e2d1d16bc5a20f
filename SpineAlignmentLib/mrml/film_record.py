"""What is known of a film besides where its landmarks are now: kept in their list, with earlier and later moments."""

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.film.film import CLAIMED_SIDES, SPACING_UNKNOWN
from SpineAlignmentLib.mrml import landmark_list
from SpineAlignmentLib.mrml.film_facts import FROM_VOLUME, SIDE_UNKNOWN, UNKNOWN_TO_READERS
from SpineAlignmentLib.mrml.history import History, Moment
from SpineAlignmentLib.mrml.landmark_states import current_confidence, landmark_states
from SpineAlignmentLib.mrml.volume_film import VolumeGeometry
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.reviewing import moved, warnings_now

Node = Any
FloatArray = NDArray[np.float64]

SIDE_DETECTED: Final[str] = "detected"


class FilmRecord:
    """Facts about one film, what lies on it besides the landmarks, the detection, and the history of all of it.

    Args:
        landmarks: the list that remembers it with the scene.
        film: what is known; its landmarks are not looked at.
    """

    def __init__(self, landmarks: Node, film: Annotation) -> None:
        self.film = film
        self.detection = landmark_list.read_detection(landmarks)
        """What the landmarks are told apart from, under the numbering of now."""
        self.history = History()
        self._landmarks = landmarks
        self._built: tuple[tuple[Any, ...], Annotation] | None = None
        landmark_list.write_facts(landmarks, film)

    @property
    def anterior_known(self) -> bool:
        """Whether the facing side comes from the film or the user rather than from a detection or a guess."""
        return not self.film.anterior_source.startswith((SIDE_UNKNOWN, SIDE_DETECTED))

    def lying_as(self, detection: Annotation) -> Annotation:
        """The film as a detection saw it lie, and facing the side that it saw, unless the user said another."""
        film = replace(self.film, quarter_turns=detection.quarter_turns)
        if self.anterior_known and film.anterior_source not in CLAIMED_SIDES:
            return film
        return film.facing(detection.anterior, detection.anterior_source)

    def annotation(self, points_px: FloatArray, size_px: tuple[int, int]) -> Annotation:
        """Everything, with the landmarks where they are now, shape (45, 2).

        Built once for each array of landmarks, which must not be written to: every part of a panel asks at each change.
        """
        made_of = (points_px, self.film, self.detection, size_px)
        if self._built is None or any(one is not known for one, known in zip(made_of, self._built[0], strict=True)):
            self._built = made_of, self._build(points_px, size_px)
        return self._built[1]

    def _build(self, points_px: FloatArray, size_px: tuple[int, int]) -> Annotation:
        film, detection = self.film, self.detection
        if detection is not None:
            film = replace(
                film.with_warnings_of(detection),
                models=detection.models,
                deviation_px=detection.deviation_px,
                interval_factors=detection.interval_factors,
            )
        confidence = current_confidence(points_px, detection)
        film = replace(film, size_px=size_px, points_px=points_px.copy(), confidence=confidence)
        return replace(film, warnings=warnings_now(film))

    def states(self, points_px: FloatArray) -> list[str]:
        """See `landmark_states`."""
        return landmark_states(self._landmarks, points_px, self.detection, self.film.reviewed)

    def set_film(self, film: Annotation) -> None:
        """Take over facts, and what lies on the film besides the landmarks."""
        self.film = film
        landmark_list.write_facts(self._landmarks, film)

    def laid_out(self, before: VolumeGeometry, now: VolumeGeometry) -> Annotation | None:
        """The volume was moved, given another size of a pixel, or other pixels.

        Returns:
            The film with that size, where no file and no person says another; None where that is nothing new.
        """
        # says how positions become mm as well; other pixels are no longer those of the file
        self.set_film(self.film if now.size_px == before.size_px else replace(self.film, film_sha256=""))
        same = np.allclose(before.spacing, now.spacing, rtol=1e-6)
        if same or self.film.spacing_source not in (FROM_VOLUME, SPACING_UNKNOWN):
            return None
        known = now.spacing != UNKNOWN_TO_READERS
        return self.film.calibrated(now.spacing if known else None, FROM_VOLUME if known else SPACING_UNKNOWN)

    def moved(self, before: Annotation, points_px: FloatArray) -> None:
        """A person moved landmarks of `before`, the film until now, to `points_px`, shape (45, 2)."""
        if before.reviewed and (film := moved(before, points_px)) is not before:
            self.set_film(replace(self.film, reviewed=film.reviewed, whole_reviewed=film.whole_reviewed))

    def set_detection(self, detection: Annotation | None) -> None:
        """Take over what was detected; `detection` is then as the scene keeps it."""
        landmark_list.write_detection(self._landmarks, detection)
        self.detection = landmark_list.read_detection(self._landmarks)

    def moment(self, points_px: FloatArray, size_px: tuple[int, int]) -> Moment:
        """Everything, to go back to."""
        return Moment(self.annotation(points_px, size_px), self.detection, self.film)

    def set_moment(self, moment: Moment) -> None:
        """Go to another moment."""
        if moment.detection is not self.detection:
            landmark_list.write_detection(self._landmarks, moment.detection)
            self.detection = moment.detection
        self.set_film(moment.facts.with_marks_of(moment.film))
