"""Two visits on the page: the film on screen and another one beside it, with what differs."""

import asyncio
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.measurement.constructions import value_text
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.export import seen_film
from SpineAlignmentLib.mrml.same_patient import SamePatient
from SpineAlignmentLib.results.comparison import differences, signed_text
from SpineAlignmentLib.viewer.open_page import OpenPage

QUALITY: Final[int] = 85


class Comparing:
    """The other film.

    Args:
        page: the page.
        film_of: the open film of an identity.
        file_of: the file of an open film.
        follow: called when the page has to be told.
    """

    def __init__(
        self,
        page: OpenPage,
        film_of: Callable[[str], FilmAlignment | None],
        file_of: Callable[[FilmAlignment], Path | None],
        follow: Callable[[], None],
    ) -> None:
        self._page = page
        self._film_of = film_of
        self._patients = SamePatient(file_of)
        self._follow = follow

    @property
    def other(self) -> FilmAlignment | None:
        """The film that the one on screen is compared with; None when none is."""
        other = self._film_of(self._page.state.compared)
        return None if other is self._page.film else other

    def compare(self, film: str) -> None:
        """Put another film beside the one on screen; none when empty."""
        self._page.state.compared = film
        self._follow()

    def state(self) -> dict[str, Any]:
        """What the page shows of the comparison."""
        this, other = self._page.film, self.other
        if this is None or other is None:
            return {"differences": {}, "beside": "", "others": ""}
        rows = differences(this.annotation, other.annotation)
        shown = {
            row.key: {
                "other": value_text(row.key, row.second),
                "by": signed_text(row.key, row.value),
                "beyond": bool(row.beyond),
            }
            for row in rows
        }
        # another address whenever the picture is another
        version = hash((str(rows), this.shown)) & 0xFFFFFFFF
        beside = f"{other.volume.GetID()}-{version:x}"
        return {"differences": shown, "beside": beside, "others": self._patients.doubt(this, other)}

    async def picture(self) -> bytes:
        """The other film with the measurements that are shown, as JPEG.

        Raises:
            ResultError: there is none.
        """
        this, other = self._page.film, self.other
        if this is None or other is None:
            raise ResultError("there is no other film to compare with")
        film, annotation, keys = seen_film(other), other.annotation, this.shown

        def make() -> bytes:
            from SpineAlignmentLib.results.picture import draw_film

            stream = io.BytesIO()
            draw_film(film, annotation, keys, label_px=26).save(stream, "JPEG", quality=QUALITY)
            return stream.getvalue()

        return await asyncio.to_thread(make)
