"""Slicer's slice view as an area of the page: rendered off screen, sent as pictures, fed with the page's mouse events.

Mouse: the left button drags landmarks and, beside them, the film; the right one changes brightness and contrast; the
wheel zooms. All of them are Slicer's own interactions (middle drag, window/level mode, Ctrl + wheel).
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import slicer
from numpy.typing import NDArray
from trame_rca.schedulers import RcaImageRenderScheduler
from trame_rca.utils import RcaViewAdapter
from trame_slicer.core import SlicerApp
from trame_slicer.rca_view.rca_view_factory import RcaRenderStrategy, RcaWindow
from trame_slicer.views import DirectViewFactory, ViewLayoutDefinition, ViewProps, ViewType
from vtkmodules.vtkCommonCore import vtkCommand

from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.label_places import LabelPlaces
from SpineAlignmentLib.mrml.view import jump_to_pixel, look_closer, positions_world, show_film, show_spine

Node = Any
Event = dict[str, Any]

AREA: Final[str] = "film"
"""Name of the area in the page."""
CURSOR: Final[str] = "film_cursor"
BACKGROUND: Final[str] = "#0b0e12"
TELLING_S: Final[float] = 0.03
"""How long a picture waits for numbers."""
FRAMES_PER_SECOND: Final[float] = 30.0
QUALITY: Final[tuple[int, int]] = (70, 95)
"""JPEG quality while something moves, and when it rests."""

TOOLS_PX: Final[tuple[float, float]] = (70.0, 292.0)
"""Width and height, from the upper left corner, that the page's buttons take."""
FOOT_PX: Final[float] = 26.0
"""Height of the page's line of text at the lower edge, and room for the letters that name the sides."""
LOW_PX: Final[float] = 390.0
"""A lower view has no room for those letters below the buttons; the page's style has the same number."""
BAR_SHARE: Final[float] = 0.22
"""Of the view's width, at the lower right, that the scale bar may take."""


class FilmView:
    """One slice view that shows one film."""

    def __init__(
        self,
        app: SlicerApp,
        server: Any,
        on_point: Callable[[], bool],
        on_moved: Callable[[bool], None],
        on_scaled: Callable[[], None],
        before_frame: Callable[[], None],
    ) -> None:
        """Make the view.

        Args:
            app: Slicer's core, whose scene is shown.
            server: the trame server whose page has the area.
            on_point: whether the pointer is on something that can be dragged.
            on_moved: called after the pointer did something, with whether it was pressed.
            on_scaled: called when the view shows the film at another scale.
            before_frame: called before each picture is made.
        """
        app.view_manager.register_factory(DirectViewFactory(True))
        definition = ViewLayoutDefinition("Red", ViewType.SLICE_VIEW, ViewProps(orientation="Axial"))
        self.view = app.view_manager.create_view(definition)
        self._logic = app.app_logic.GetSliceLogic(self.view.get_view_node())
        self._markups = self.view.get_displayable_manager_by_class("vtkMRMLMarkupsDisplayableManager")
        self.view.set_background_color_from_string(BACKGROUND)
        # without a graphics card several samples a pixel take three times as long
        self.view.render_window().SetMultiSamples(0)
        self.view.render_window().AddObserver(vtkCommand.StartEvent, lambda *_: before_frame())
        self._scene = app.scene
        self._on_scaled = on_scaled
        self._scale: tuple[float, ...] = ()
        self._fitted: Callable[[], None] | None = None
        self._shown: FilmAlignment | None = None
        self._turns = 0
        self.labels = LabelPlaces(self.view.get_view_node(), tied=True, furniture=over_the_view)
        self._window = window = _PageWindow(self, server.state, on_point, on_moved)
        scheduler = _NumbersFirst(
            server,
            window,
            interactive_quality=QUALITY[0],
            still_quality=QUALITY[1],
            target_fps=FRAMES_PER_SECOND,
            rca_encoder="jpeg",
        )
        self.adapter = RcaViewAdapter(window, AREA, scheduler=scheduler, do_schedule_render_on_interaction=False)
        self.view.set_scheduled_render(RcaRenderStrategy(scheduler))
        self.view.get_view_node().AddObserver(vtkCommand.ModifiedEvent, self._on_view_changed)

    def _on_view_changed(self, *_: Any) -> None:
        node = self.view.get_view_node()
        scale = (*node.GetFieldOfView()[:2], *node.GetDimensions()[:2])
        if scale != self._scale:
            self._scale = scale
            self._on_scaled()

    def share_of_width(self, film_px: float) -> float:
        """How much of the view's width so many film pixels in a row take."""
        if self._shown is None:
            return 0.0
        return (
            film_px * float(self._shown.volume.GetSpacing()[0]) / float(self.view.get_view_node().GetFieldOfView()[0])
        )

    @property
    def placing(self) -> bool:
        """Whether clicks set points."""
        return bool(self._interaction.GetCurrentInteractionMode() == slicer.vtkMRMLInteractionNode.Place)

    def pointer_on(self, markup: Node) -> bool:
        """Whether the pointer is on a markup; one of its points may be active without, where a key chose it."""
        widget = self._markups.GetWidget(markup.GetDisplayNode())
        return widget is not None and bool(widget.GetWidgetState() != widget.WidgetStateIdle)

    @property
    def _interaction(self) -> Node:
        return self._scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")

    def adjust_gray(self, active: bool) -> None:
        """Let the left button change brightness and contrast."""
        modes = slicer.vtkMRMLInteractionNode
        self._interaction.SetCurrentInteractionMode(modes.AdjustWindowLevel if active else modes.ViewTransform)

    def show(self, alignment: FilmAlignment | None) -> None:
        """Show the spine of a film, the whole film when its landmarks are not known, or nothing."""
        self._shown = alignment
        self._turns = alignment.annotation.quarter_turns if alignment else 0
        self.view.set_background_volume_id(alignment.volume.GetID() if alignment else None)
        if alignment is not None and len(positions_world(alignment)) > 1:
            self.fit_spine()
        else:
            self.fit()

    def keep_upright(self) -> None:
        """Show the film anew when it turns out to lie another way."""
        if self._shown is not None and self._shown.annotation.quarter_turns != self._turns:
            self.show(self._shown)

    def fit(self) -> None:
        """Show the whole film."""
        self._fit(lambda film: show_film(self._logic, film.volume, film.annotation.quarter_turns))
        self._fitted = self.fit

    def fit_spine(self) -> None:
        """Show the part of the film with the landmarks."""
        self._fit(lambda alignment: show_spine(self._logic, alignment))
        self._fitted = self.fit_spine

    def _fit(self, show: Callable[[FilmAlignment], None]) -> None:
        if self._shown is not None:
            with self.view.trigger_modified_once():
                self._logic.ResizeSliceNode(*self.view.render_window().GetSize())
                show(self._shown)
        self.view.schedule_render()

    @property
    def whole(self) -> bool:
        """Whether the view shows the whole film, as it does until the user looks closer."""
        return self._fitted == self.fit

    def zoom(self, closer: bool) -> None:
        """Zoom in or out by a fifth, around the middle."""
        self.left_fitted()
        self.view.zoom(0.2 if closer else -0.25)

    def look_closer(self) -> None:
        """Show what is in the middle closely."""
        if self._shown is not None:
            look_closer(self._logic, self._shown)
            self.view.schedule_render()

    def look_at(self, center: NDArray[np.float64]) -> None:
        """Show a place of the film, in its pixels (x, y), closely; nothing where it is not known."""
        if self._shown is not None and np.isfinite(center).all():
            jump_to_pixel(self._shown, center)
            self.left_fitted()
            self.look_closer()

    def page_came(self) -> None:
        """A page was loaded, perhaps anew while a button was pressed: its release will never come."""
        self._window.let_go()

    def left_fitted(self) -> None:
        """The user zoomed or moved the film: leave it there when the page changes its size."""
        self._fitted = None

    def resized(self) -> None:
        """The area of the page has another size."""
        if self._fitted is not None:
            self._fitted()


def over_the_view(width: float, height: float) -> NDArray[np.float64]:
    """What the page lays over a view of this size: boxes of shape (n, 4), pixels, y up."""
    tools = (0.0, height - TOOLS_PX[1], TOOLS_PX[0], height)
    bar = (width * (1 - BAR_SHARE) - 20, 0.0, width, 2 * FOOT_PX)
    # the letters of the sides stand in the middle, below the buttons where these reach farther, or beside them
    low = height < LOW_PX
    side = height - (FOOT_PX if low else max(height / 2, TOOLS_PX[1] + 20))
    sides = [(x, side - FOOT_PX, x + FOOT_PX, side + FOOT_PX) for x in (TOOLS_PX[0] if low else 0.0, width - FOOT_PX)]
    return np.array([tools, bar, (0.0, 0.0, width, FOOT_PX), *sides])


class _NumbersFirst(RcaImageRenderScheduler):  # type: ignore[misc]
    """Pictures after what the page is told: making one takes longer than all that a drag changes."""

    def __init__(self, server: Any, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._server = server
        self._telling: asyncio.Task[None] | None = None

    def schedule_render(self) -> None:
        """A picture, as soon as what was said until then is on its way."""
        if self._telling is None or self._telling.done():
            self._telling = asyncio.get_running_loop().create_task(self._after_telling())

    async def _after_telling(self) -> None:
        # an action that takes long counts as unsaid until it ends: pictures go on
        told = self._server.network_completion
        await asyncio.wait([told], timeout=TELLING_S)
        told.cancel()
        super().schedule_render()


class _PageWindow(RcaWindow):  # type: ignore[misc]
    """The render window as trame's remote area drives it, with the page's mouse buttons."""

    def __init__(
        self, film_view: FilmView, state: Any, on_point: Callable[[], bool], on_moved: Callable[[bool], None]
    ) -> None:
        super().__init__(film_view.view.render_window(), state, CURSOR)
        self._film_view = film_view
        self._on_point = on_point
        self._on_moved = on_moved
        self._buttons: dict[str, str] = {}
        self._last: Event = {}

    def process_resize_event(self, width: int, height: int) -> None:
        super().process_resize_event(width, height)
        self._film_view.resized()

    def process_interaction_event(self, event: Event) -> None:
        kind = event["type"]
        self._last = event
        if kind.startswith("Key") or kind == "Char":
            # the page has its own keys
            return
        if "MouseWheel" in kind:
            self._film_view.left_fitted()
            event["ctrlKey"] = 1
        for what in ("Press", "Release"):
            button = kind.removesuffix(what)
            if kind.endswith(what) and button in ("LeftButton", "RightButton"):
                self._button(event, button, what)
                break
        else:
            super().process_interaction_event(event)
        self._on_moved(kind.endswith("Press"))

    def let_go(self) -> None:
        """Release what a page that is gone held pressed."""
        for button in list(self._buttons):
            self.process_interaction_event({**self._last, "type": f"{button}Release"})

    def _button(self, event: Event, button: str, what: str) -> None:
        if what == "Press":
            self._buttons[button] = self._meaning(button)
        meant = self._buttons[button] if what == "Press" else self._buttons.pop(button, button)
        if button == "RightButton" and what == "Press":
            self._film_view.adjust_gray(True)
        super().process_interaction_event({**event, "type": meant + what})
        if button == "RightButton" and what == "Release":
            self._film_view.adjust_gray(False)

    def _meaning(self, button: str) -> str:
        """The button that Slicer's interaction wants."""
        if button == "RightButton":
            return "LeftButton"
        if self._on_point() or self._film_view.placing:
            return "LeftButton"
        self._film_view.left_fitted()
        return "MiddleButton"
