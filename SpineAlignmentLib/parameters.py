"""The 18 parameters under their public name; see `measurement.parameters`."""

from SpineAlignmentLib.measurement.parameters import BY_KEY, KEYS, PARAMETERS, Parameter, spinopelvic_parameters

__all__ = ["BY_KEY", "KEYS", "PARAMETERS", "Parameter", "spinopelvic_parameters"]
