"""What measurements are drawn with: segments, arcs and labels, and the construction that they make up.

Frame as in `parameters`: x anterior +, y up +. Directions are in degrees, counterclockwise from anterior (+x) toward
up (+y).
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Point = tuple[float, float]
SegmentKind = Literal["endplate", "line", "plumb", "parallel", "distance"]


@dataclass(frozen=True)
class Segment:
    """A straight line from `start` to `end`."""

    start: Point
    end: Point
    kind: SegmentKind
    """endplate: along an endplate; line: between landmarks; plumb: vertical or horizontal reference; parallel: a
    direction carried over from elsewhere; distance: what a measurement in mm measures."""


@dataclass(frozen=True)
class Arc:
    """A circular arc; its signed sweep is the measured angle."""

    vertex: Point
    radius: float
    start_deg: float
    """Direction from the vertex to the arc's start."""
    sweep_deg: float
    """Signed, counterclockwise positive in the frame x anterior, y up."""

    def at(self, share: float) -> Point:
        """The point at `share` of the sweep: 0 the start, 1 the end."""
        angle = np.radians(self.start_deg + share * self.sweep_deg)
        return (
            float(self.vertex[0] + self.radius * np.cos(angle)),
            float(self.vertex[1] + self.radius * np.sin(angle)),
        )

    @property
    def start(self) -> Point:
        return self.at(0.0)

    @property
    def end(self) -> Point:
        return self.at(1.0)

    def sampled(self, count: int) -> FloatArray:
        """So many points along the arc, start and end included, shape (count, 2)."""
        angles = np.radians(self.start_deg + np.linspace(0.0, self.sweep_deg, count))
        return np.asarray(self.vertex + self.radius * np.stack([np.cos(angles), np.sin(angles)], axis=1))

    def polyline(self, step_deg: float = 2.0) -> FloatArray:
        """Points along the arc, shape (n, 2), at most `step_deg` apart, start and end included."""
        return self.sampled(max(2, int(np.ceil(abs(self.sweep_deg) / step_deg)) + 1))


@dataclass(frozen=True)
class Label:
    """Where a measurement is named, and the text."""

    anchor: Point
    text: str


@dataclass(frozen=True)
class Construction:
    """How one parameter is shown. A parameter that is not measurable has no segments, no arc and no label."""

    key: str
    value: float
    """In the parameter's unit; NaN when not measurable."""
    points: dict[str, Point] = field(default_factory=dict)
    """What it is built from: landmarks by name, and "HA" (hip axis) and "M" (middle of the sacral endplate)."""
    segments: tuple[Segment, ...] = ()
    arc: Arc | None = None
    """The angle; none for distances and ratios."""
    label: Label | None = None

    @property
    def drawable(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.segments)
