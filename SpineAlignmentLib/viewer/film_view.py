"""Slicer's slice view as an area of the page: rendered off screen, sent as pictures, fed with the page's mouse events.

Mouse: the left button drags landmarks and, beside them, the film; the right one changes brightness and contrast; the
wheel zooms. All of them are Slicer's own interactions (middle drag, window/level mode, Ctrl + wheel).
"""

from collections.abc import Callable
from typing import Any, Final

import slicer
from trame_rca.schedulers import RcaImageRenderScheduler
from trame_rca.utils import RcaViewAdapter
from trame_slicer.core import SlicerApp
from trame_slicer.rca_view.rca_view_factory import RcaRenderStrategy, RcaWindow
from trame_slicer.views import DirectViewFactory, ViewLayoutDefinition, ViewProps, ViewType

Node = Any
Event = dict[str, Any]

AREA: Final[str] = "film"
"""Name of the area in the page."""
CURSOR: Final[str] = "film_cursor"
BACKGROUND: Final[str] = "#0b0e12"
FRAMES_PER_SECOND: Final[float] = 30.0
QUALITY: Final[tuple[int, int]] = (70, 95)
"""JPEG quality while something moves, and when it rests."""


class FilmView:
    """One slice view that shows one film."""

    def __init__(
        self, app: SlicerApp, server: Any, on_point: Callable[[], bool], on_moved: Callable[[bool], None]
    ) -> None:
        """Make the view.

        Args:
            app: Slicer's core, whose scene is shown.
            server: the trame server whose page has the area.
            on_point: whether the pointer is on something that can be dragged.
            on_moved: called after the pointer did something, with whether it was pressed.
        """
        app.view_manager.register_factory(DirectViewFactory(True))
        definition = ViewLayoutDefinition("Red", ViewType.SLICE_VIEW, ViewProps(orientation="Axial"))
        self.view = app.view_manager.create_view(definition)
        self.view.set_background_color_from_string(BACKGROUND)
        # without a graphics card several samples a pixel take three times as long
        self.view.render_window().SetMultiSamples(0)
        self._scene = app.scene
        self._whole = True
        self._shown: Node | None = None
        window = _PageWindow(self, server.state, on_point, on_moved)
        scheduler = RcaImageRenderScheduler(
            window,
            interactive_quality=QUALITY[0],
            still_quality=QUALITY[1],
            target_fps=FRAMES_PER_SECOND,
            rca_encoder="jpeg",
        )
        self.adapter = RcaViewAdapter(window, AREA, scheduler=scheduler, do_schedule_render_on_interaction=False)
        self.view.set_scheduled_render(RcaRenderStrategy(scheduler))

    @property
    def placing(self) -> bool:
        """Whether clicks set points."""
        return bool(self._interaction.GetCurrentInteractionMode() == slicer.vtkMRMLInteractionNode.Place)

    @property
    def _interaction(self) -> Node:
        return self._scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")

    def adjust_gray(self, active: bool) -> None:
        """Let the left button change brightness and contrast."""
        modes = slicer.vtkMRMLInteractionNode
        self._interaction.SetCurrentInteractionMode(modes.AdjustWindowLevel if active else modes.ViewTransform)

    def show(self, volume: Node | None) -> None:
        """Show a film whole, or nothing."""
        self._shown = volume
        self.view.set_background_volume_id(volume.GetID() if volume else None)
        if volume:
            self.view.get_view_node().RotateToVolumePlane(volume)
            self.fit()

    def fit(self) -> None:
        """Show the whole film."""
        self._whole = True
        if self._shown is not None:
            self.view.fit_view_to_content()
        self.view.schedule_render()

    def zoom(self, closer: bool) -> None:
        """Zoom in or out by a fifth, around the middle."""
        self._whole = False
        self.view.zoom(0.2 if closer else -0.25)

    def left_whole(self) -> None:
        """The user zoomed or moved the film: leave it there when the page changes its size."""
        self._whole = False

    def resized(self) -> None:
        """The area of the page has another size."""
        if self._whole:
            self.fit()


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

    def process_resize_event(self, width: int, height: int) -> None:
        super().process_resize_event(width, height)
        self._film_view.resized()

    def process_interaction_event(self, event: Event) -> None:
        kind = event["type"]
        if kind.startswith("Key") or kind == "Char":
            # the page has its own keys
            return
        if "MouseWheel" in kind:
            self._film_view.left_whole()
            event["ctrlKey"] = 1
        for what in ("Press", "Release"):
            button = kind.removesuffix(what)
            if kind.endswith(what) and button in ("LeftButton", "RightButton"):
                self._button(event, button, what)
                break
        else:
            super().process_interaction_event(event)
        self._on_moved(kind.endswith("Press"))

    def _button(self, event: Event, button: str, what: str) -> None:
        if what == "Press":
            self._buttons[button] = self._meaning(button)
        meant = self._buttons.get(button, button)
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
        self._film_view.left_whole()
        return "MiddleButton"
