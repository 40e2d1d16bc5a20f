"""The kinds of training that there are."""

from Training.config import TrainingConfig
from Training.run.task import Task


def task_of(config: TrainingConfig) -> Task:
    """The task that a configuration names."""
    if config.task == "bodies":
        from Training.run.bodies_task import BodiesTask

        return BodiesTask()
    if config.task == "vertebra":
        from Training.run.vertebra_task import VertebraTask

        return VertebraTask()
    from Training.run.landmarks_task import LandmarksTask

    return LandmarksTask()
