"""The kinds of training that there are."""

from typing import Final

from SpineAlignmentLib.detection.heads_network import RIM
from SpineAlignmentLib.measurement.landmarks import CORNERS
from SpineAlignmentLib.results.annotation import HEADS
from Training.config import TrainingConfig
from Training.run.task import Task

SINGLE_VIEWS: Final[dict[str, int]] = {"vertebra": len(CORNERS), "heads": len(HEADS) * len(RIM)}
"""How many points there are in a view of one structure: corners of a vertebra, see
`Training.simulation.vertebra_windows`, or points on the rims of both heads, see `Training.simulation.head_windows`."""


def task_of(config: TrainingConfig) -> Task:
    """The task that a configuration names."""
    if config.task == "bodies":
        from Training.run.bodies_task import BodiesTask

        return BodiesTask()
    if config.task in SINGLE_VIEWS:
        from Training.run.single_view_task import SingleViewTask

        return SingleViewTask(SINGLE_VIEWS[config.task])
    from Training.run.landmarks_task import LandmarksTask

    return LandmarksTask()
