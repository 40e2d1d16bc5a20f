"""The 45 landmarks under their public name; see `measurement.landmarks`."""

from SpineAlignmentLib.measurement.landmarks import CENTERS, COUNT, INDEX, NAMES, PRESACRAL_LEVELS, REGIONS

__all__ = ["CENTERS", "COUNT", "INDEX", "NAMES", "PRESACRAL_LEVELS", "REGIONS"]
