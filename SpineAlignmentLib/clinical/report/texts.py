"""Every word of a report, in one place: another language is another `Texts`.

Names of parameters stand in `measurement.parameters`, names and classes of readings in `clinical.constants`; a language
translates them through `terms`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class Texts:
    """The words of one language."""

    language: str = "en"
    """Language tag of the page (BCP 47)."""
    title: str = "Sagittal alignment of the spine"
    comparison: str = "Two visits side by side"
    name: str = "Name, birth date, number"
    patient: str = "Patient"
    years: str = "{age:g} years"
    sexes: Mapping[str, str] = field(default_factory=lambda: {"F": "female", "M": "male", "O": "other"})
    film: str = "Film"
    date: str = "Report of"
    pixel: str = "Pixel size"
    unknown: str = "unknown"
    facing: str = "Facing"
    sides: Mapping[str, str] = field(default_factory=lambda: {"left": "left", "right": "right"})
    models: str = "Models"
    software: str = "Software"
    corrected: str = "placed or corrected by hand"
    parameter: str = "Parameter"
    value: str = "Value"
    interval: str = "90 % interval"
    usual: str = "Usual"
    covered: str = (
        "90 % interval: nine times in ten the value that a reader of the film measures lies within it, "
        "where films are like those it was calibrated on."
    )
    bar: str = "Gray: usual range (mean \N{PLUS-MINUS SIGN} 2 SD). Dot: this film. Line through it: its interval."
    bar_two: str = "Gray: usual range (mean \N{PLUS-MINUS SIGN} 2 SD). Ring: first visit. Dot: second."
    marked: str = "! outside the usual range of healthy adults; * range of the patients of Yeh 2021"
    first: str = "First"
    second: str = "Second"
    difference: str = "Difference"
    groups: Mapping[str, str] = field(
        default_factory=lambda: {
            "pelvis": "Pelvis", "lumbar": "Lumbar spine", "thoracic": "Thoracic spine", "cervical": "Cervical spine",
            "global": "Whole spine",
        }
    )  # fmt: skip
    further: str = "Further measurements"
    readings: str = "Readings"
    reading: str = "Reading"
    classed: str = "Class"
    target: str = "Target"
    computed_from: str = "From"
    source: str = "Source"
    not_computable: str = "Not computable"
    warnings: str = "Warnings"
    warned: str = "! Warnings: {count}, see the next page"
    no_film: str = "The film itself was not found; its landmarks are drawn without it."
    sources: str = "Sources"
    judgment: str = (
        "Measured by software on one film, for the reader's judgment; no diagnosis. Look at the drawing before you use "
        "a number."
    )
    signed: str = "Read by"
    signature: str = "Date, signature"
    page: str = "Page {page} of {pages}"
    span: str = "{low} to {high}"
    either: str = " or "
    terms: Mapping[str, str] = field(default_factory=dict)
    """Names of parameters and readings, classes and notes as the library has them, to this language."""

    def term(self, text: str) -> str:
        """A name of the library in this language."""
        return self.terms.get(text, text)

    def classes(self, label: str) -> str:
        """The classes of a reading, joined by "or" in the library."""
        return self.either.join(self.term(one) for one in label.split(" or "))


ENGLISH: Final[Texts] = Texts()
