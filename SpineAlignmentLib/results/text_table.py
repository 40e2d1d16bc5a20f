"""A result as text for a terminal: the table of parameters."""

from collections.abc import Mapping

from SpineAlignmentLib.measurement.constructions import unit_text, value_text
from SpineAlignmentLib.measurement.parameters import PARAMETERS
from SpineAlignmentLib.results.annotation import Annotation


def parameter_table(annotation: Annotation, cobb: Mapping[str, float] | None = None) -> str:
    """The 18 parameters beside the population's mean and standard deviation, further angles, how the film was read."""
    values = annotation.parameters()
    lines = [f"  {'':7}{'':36}{'value':>10}   population"]
    for p in PARAMETERS:
        usual = f"{p.mean:.1f} ({p.sd:.1f})"
        lines.append(f"  {p.key:7}{p.name:36}{value_text(p.key, values[p.key]):>10}   {usual}")
    for key, value in (cobb or {}).items():
        upper, lower = key.split(":")
        name = f"Cobb angle {upper} to {lower}, kyphosis +"
        lines.append(f"  {'':7}{name:36}{unit_text('deg', value):>10}")
    spacing = annotation.spacing_mm
    size = "unknown" if spacing is None else f"{spacing[0]:g} x {spacing[1]:g} mm, {annotation.spacing_source}"
    lines.append(f"  pixel {size}; facing {annotation.anterior}, {annotation.anterior_source}")
    lines += [f"  warning: {text}" for text in annotation.warnings]
    return "\n".join(lines)
