"""What of the film on screen is shown: its part, brightness, measurements, landmarks and the patient's line."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from SpineAlignmentLib.film.patient_tags import name_and_date
from SpineAlignmentLib.measurement.constructions import level_distance
from SpineAlignmentLib.measurement.parameters import KEYS, PARAMETERS
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.film_volume import show_all_gray
from SpineAlignmentLib.mrml.spine_scene import SpineScene
from SpineAlignmentLib.mrml.view import structure_corners
from SpineAlignmentLib.viewer import page_state
from SpineAlignmentLib.viewer.film_view import FilmView
from SpineAlignmentLib.viewer.measuring import Measuring
from SpineAlignmentLib.viewer.open_page import OpenPage

BAR_MM: Final[tuple[int, ...]] = (5, 10, 20, 50, 100, 200)
BAR_SHARE: Final[float] = 0.2
CLOSE_LEVEL: Final[float] = 0.09
"""Where the distance of two vertebrae takes more of the view's width, landmarks are named."""


class Showing:
    """What the page shows of a film.

    Args:
        page: the page.
        spine: the films.
        view: the view of the page.
        measuring: what else is drawn.
        file_of: the file of the film on screen.
        follow: called when the page has to be told.
    """

    def __init__(
        self,
        page: OpenPage,
        spine: SpineScene,
        view: FilmView,
        measuring: Measuring,
        file_of: Callable[[], Path | None],
        follow: Callable[[], None],
    ) -> None:
        self._page = page
        self._spine = spine
        self._view = view
        self._measuring = measuring
        self._file_of = file_of
        self._follow = follow
        self._shown = page_state.SHOWN_AT_FIRST
        self._drawn = {"points": True, "curve": True, "names": False}
        self._reading: asyncio.Task[None] | None = None

    def state(self) -> dict[str, Any]:
        """What of it the page has to know."""
        return {"shown": [key for key in KEYS if key in self._shown], "drawn": dict(self._drawn)}

    def toggle(self, key: str) -> None:
        """Draw one measurement, or no longer."""
        if key in KEYS:
            self._shown ^= {key}
            self.draw()

    def toggle_group(self, group: str) -> None:
        """Draw all measurements of a group, or none when all are drawn."""
        keys = {p.key for p in PARAMETERS if p.group == group}
        self._shown = self._shown - keys if keys <= self._shown else self._shown | keys
        self.draw()

    def toggle_drawn(self, what: str) -> None:
        """Show or hide "points", "curve" or "names"."""
        if what in self._drawn:
            self._drawn[what] = not self._drawn[what]
            self.draw()

    def draw(self) -> None:
        """Draw what was chosen on the film on screen, and nothing on the others."""
        volume = self._page.film.volume if self._page.film else None
        self._spine.show_only(volume, self._shown, **{**self._drawn, "names": False})
        self.scaled()
        self._follow()

    def scaled(self) -> None:
        """The view shows the film at another scale."""
        self._name()
        self.spread_labels()
        self._page.state.scale = self._scale_bar()
        self._page.state.flush()

    def _name(self) -> None:
        """Name vertebrae where the spine is seen whole, landmarks where it is seen closely: elsewhere they crowd."""
        film = self._page.film
        close = film is not None and self._view.share_of_width(_level_px(film)) > CLOSE_LEVEL
        self._measuring.name_levels(self._drawn["names"] and not close)
        if film is not None:
            film.landmarks.GetDisplayNode().SetPointLabelsVisibility(self._drawn["names"] and close)

    def _scale_bar(self) -> dict[str, Any] | None:
        """The longest of a few lengths that takes no more than a fifth of the view."""
        spacing = None if self._page.film is None else self._page.film.annotation.spacing_mm
        if spacing is None:
            return None
        shares = {length: self._view.share_of_width(length / spacing[0]) for length in BAR_MM}
        length = max((mm for mm, share in shares.items() if share < BAR_SHARE), default=BAR_MM[0])
        return {"percent": round(100 * shares[length], 2), "text": f"{length} mm"}

    def spread_labels(self) -> None:
        """Keep texts off one another, and off what they are about."""
        film = self._page.film
        if film is None:
            self._view.labels.spread([])
            return
        nodes = [*film.drawn_nodes, *self._measuring.nodes]
        self._view.labels.spread(nodes, structure_corners(film), [film.landmarks, *self._measuring.names])

    def fit(self) -> None:
        """Show the whole film."""
        self._view.fit()

    def fit_spine(self) -> None:
        """Show the part of the film with the landmarks."""
        self._view.fit_spine()

    def zoom(self, closer: bool) -> None:
        """Zoom in or out."""
        self._view.zoom(bool(closer))

    def gray(self) -> None:
        """Bring brightness and contrast back."""
        if self._page.film:
            show_all_gray(self._page.film.volume)

    async def toggle_header(self) -> None:
        """Show who the patient is and when the film was taken, or no longer: it is hidden until it is asked for."""
        self._page.state.header_on = not self._page.state.header_on
        await self._read_header()

    def forget_header(self) -> None:
        """Another film is on screen: no other patient's name may stand over it, not even until its own is read."""
        self._page.state.header = []
        self._reading = asyncio.get_running_loop().create_task(self._read_header())

    async def _read_header(self) -> None:
        path = self._file_of()
        texts: tuple[str, ...] = ()
        if self._page.state.header_on and path is not None:
            texts = await asyncio.to_thread(name_and_date, path) or ("the file names no patient",)
        # meanwhile another film may be on screen, or nobody may be asked for any more
        if path == self._file_of():
            self._page.state.header = list(texts) if self._page.state.header_on else []
            self._page.state.flush()


def _level_px(alignment: FilmAlignment) -> float:
    """The distance of two vertebrae in film pixels."""
    film = alignment.annotation
    return level_distance(film.points_mm()) / (film.spacing_mm or (1.0, 1.0))[0]
