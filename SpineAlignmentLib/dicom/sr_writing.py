"""Landmarks and parameters as a Comprehensive SR after TID 1500 "Measurement Report" (PS3.16).

Each landmark is a planar region of one point (TID 1410, which excludes MULTIPOINT), each parameter a measurement group
(TID 1501) of one measurement with its interval and norm. Every group has a tracking UID, and the film stands in the
image library: viewers of the OHIF family show nothing without either. What can hardly be stands below the groups.
"""

import json
import math
from copy import copy
from typing import Any, Final

import numpy as np

from SpineAlignmentLib import SOFTWARE, __version__
from SpineAlignmentLib.clinical.norms import norm
from SpineAlignmentLib.clinical.patient import patient_of
from SpineAlignmentLib.dicom import vocabulary
from SpineAlignmentLib.dicom.new_object import MANUFACTURER, MODEL, new_object
from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.measurement.landmarks import NAMES
from SpineAlignmentLib.measurement.parameters import BY_KEY
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.doubts import doubts, side_doubt
from SpineAlignmentLib.results.result_file import to_json

Data = Any
SERIES_NUMBER: Final[int] = 9701
DESCRIPTION: Final[str] = "SpineAlignment measurements"
FACTS: Final[tuple[str, ...]] = (
    *("film", "film_sha256", "size_px", "spacing_mm", "spacing_source", "anterior", "anterior_source", "turned"),
    *("pixel_aspect", "models", "warnings", "interval_factors", "reviewed", "film_reviewed"),
)
"""What a result file knows of the film besides landmarks: kept as algorithm parameters (TID 4019), JSON each."""
DEVIATIONS: Final[str] = "sd_px"
"""One more of them, landmark name to its `Annotation.deviation_px`: intervals, and what is withheld, come of these."""
FACTS_GROUP: Final[str] = "film"
"""Tracking identifier of the group that keeps them."""


def structured_report(annotation: Annotation, header: Data) -> Data:
    """The report of one film, with UIDs of its own; archives keep the first object of a UID.

    Args:
        annotation: landmarks on the film.
        header: the film's data set, see `film_header.film_header`.

    Raises:
        ResultError: no landmark lies on the film.
    """
    import highdicom as hd
    from highdicom.coding_schemes import CodingSchemeIdentificationItem
    from pydicom.sr.codedict import codes

    landmarks = _landmarks(annotation, header)
    if not landmarks:
        raise ResultError(f"{annotation.film}: no landmark lies on the film, so that there is nothing to report")
    device = hd.sr.DeviceObserverIdentifyingAttributes(
        uid=_device_uid(), name=MODEL, manufacturer_name=MANUFACTURER, model_name=SOFTWARE
    )
    context = hd.sr.ObservationContext(hd.sr.ObserverContext(codes.DCM.Device, device))
    report = hd.sr.MeasurementReport(
        observation_context=context,
        procedure_reported=codes.cid100.XRUnspecifiedBodyRegion,
        imaging_measurements=[_facts(annotation), *landmarks, *_parameters(annotation, header)],
        referenced_images=[_library_entry(header)],
    )
    report[0].ContentSequence.extend(_doubts(annotation))
    # the library copies the whole tree and looks through it several times, which takes longer than a detection: it gets
    # the tree without its many groups, which are put back in their place
    (measured,) = (item for item in report[0].ContentSequence if item.name == codes.DCM.ImagingMeasurements)
    groups = measured.ContentSequence
    measured.ContentSequence = groups[:1]
    document = hd.sr.ComprehensiveSR(
        evidence=[header],
        content=report[0],
        is_complete=True,
        specific_character_set=header.get("SpecificCharacterSet") or None,
        coding_schemes=[CodingSchemeIdentificationItem(vocabulary.SCHEME, vocabulary.SCHEME_NAME, __version__)],
        **new_object(SERIES_NUMBER, DESCRIPTION),
    )
    measured.ContentSequence = groups
    return document


def _doubts(annotation: Annotation) -> list[Data]:
    """What can hardly be, as texts of the report's qualitative evaluations (TID 1500, rows 10 and 12)."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    lines = doubts(annotation)
    if not lines:
        return []
    contains = hd.sr.RelationshipTypeValues.CONTAINS
    found = hd.sr.ContainerContentItem(vocabulary.evaluations_code(), relationship_type=contains)
    found.ContentSequence = hd.sr.ContentSequence(
        [hd.sr.TextContentItem(codes.DCM.Comment, vocabulary.plain(line), contains) for line in lines]
    )
    return [found]


def on_film(points_px: Any, size_px: tuple[int, int]) -> Any:
    """Which points, shape (n, 2) in film pixels, are finite and lie on the film; shape (n,)."""
    points = np.asarray(points_px, float)
    with np.errstate(invalid="ignore"):
        inside = (points >= -vocabulary.PIXEL_CENTER) & (points <= np.array(size_px) - vocabulary.PIXEL_CENTER)
    return np.isfinite(points).all(axis=1) & inside.all(axis=1)


def _landmarks(annotation: Annotation, header: Data) -> list[Data]:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    source = hd.sr.SourceImageForRegion.from_source_image(header)
    algorithm = _algorithm()
    groups = []
    shown = on_film(annotation.points_px, (int(header.Columns), int(header.Rows)))
    for name, point, sure, there in zip(NAMES, annotation.points_px, annotation.confidence, shown, strict=True):
        if not there:
            continue
        region = hd.sr.ImageRegion(hd.sr.GraphicTypeValues.POINT, point[None] + vocabulary.PIXEL_CENTER, source)
        confidence = None
        if math.isfinite(sure):
            name_of_it = hd.sr.CodedConcept("CONFIDENCE", vocabulary.SCHEME, "Confidence of the landmark, 0 to 1")
            confidence = [hd.sr.Measurement(name_of_it, round(float(sure), 3), codes.UCUM.NoUnits)]
        groups.append(
            hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
                tracking_identifier=hd.sr.TrackingIdentifier(uid=hd.UID(), identifier=name),
                referenced_region=region,
                finding_type=vocabulary.landmark_code(name),
                algorithm_id=algorithm,
                finding_sites=[hd.sr.FindingSite(vocabulary.site_code(name))],
                measurements=confidence,
            )
        )
    return groups


def _parameters(annotation: Annotation, header: Data) -> list[Data]:
    import highdicom as hd

    if side_doubt(annotation):
        # no value is right then
        return []
    age = patient_of(annotation.extra, annotation.film).age
    algorithm = _algorithm()
    groups = []
    for key, entry in to_json(annotation)["parameters"].items():
        if entry["value"] is None:
            continue
        measurement = hd.sr.Measurement(
            name=vocabulary.parameter_code(key),
            value=_decimal(entry["value"]),
            unit=vocabulary.unit_code(BY_KEY[key].unit),
            method=_cobb() if key in vocabulary.COBB_ANGLES else None,
            properties=_properties(key, entry, age),
        )
        groups.append(
            hd.sr.MeasurementsAndQualitativeEvaluations(
                tracking_identifier=hd.sr.TrackingIdentifier(uid=hd.UID(), identifier=vocabulary.parameter_label(key)),
                finding_type=vocabulary.parameter_code(key),
                algorithm_id=algorithm,
                measurements=[measurement],
                source_images=[hd.sr.SourceImageForMeasurementGroup.from_source_image(header)],
            )
        )
    return groups


def _properties(key: str, entry: dict[str, Any], age: float | None) -> Data:
    """Interval and norm of a measurement (TID 310, 312); None where neither is known."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    bounds: dict[str, Any] = {}
    if entry.get("low") is not None and entry.get("high") is not None:
        bounds = {
            "upper_measurement_uncertainty": _decimal(entry["high"] - entry["value"]),
            "lower_measurement_uncertainty": _decimal(entry["value"] - entry["low"]),
        }
    usual = norm(key, age)
    if usual is None:
        return hd.sr.MeasurementProperties(**bounds) if bounds else None
    unit = vocabulary.unit_code(BY_KEY[key].unit)
    kind = hd.sr.RelationshipTypeValues.HAS_PROPERTIES
    ends = (codes.cid223.NormalRangeLowerLimit, codes.cid223.NormalRangeUpperLimit)
    values = [
        hd.sr.NumContentItem(name, _decimal(end), unit, relationship_type=kind)
        for name, end in zip(ends, usual.usual, strict=True)
    ]
    normal = hd.sr.NormalRangeProperties(values, f"{usual.cohort}, mean and two standard deviations", usual.source)
    return hd.sr.MeasurementProperties(normal_range_properties=normal, **bounds)


def _library_entry(header: Data) -> Data:
    """The film for the image library, which asks radiographs for tags that many do not have (TID 1603)."""
    if header.get("PatientOrientation") and header.get("ImagerPixelSpacing"):
        return header
    plain = copy(header)
    plain.Modality = "OT"
    return plain


def _algorithm(parameters: list[str] | None = None) -> Data:
    import highdicom as hd

    return hd.sr.AlgorithmIdentification("SpineAlignment", __version__, parameters, manufacturer=MANUFACTURER)


def _facts(annotation: Annotation) -> Data:
    """A group without measurements that carries what is known of the film."""
    import highdicom as hd

    known = to_json(annotation)
    told = {key: known[key] for key in FACTS if known.get(key) is not None}
    if "numbering" in known:
        # the other one has landmarks of its own, as many again
        told["numbering"] = {**known["numbering"], "runner_up": None}
    marks = {name: mark for name, mark in known["landmarks"].items() if mark}
    if deviations := {name: mark[DEVIATIONS] for name, mark in marks.items() if DEVIATIONS in mark}:
        told[DEVIATIONS] = deviations
    facts = [f"{key}={json.dumps(value)}" for key, value in told.items()]
    return hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(uid=hd.UID(), identifier=FACTS_GROUP),
        algorithm_id=_algorithm(facts),
    )


def _cobb() -> Data:
    from pydicom.sr.codedict import codes

    return codes.SCT.CobbAngle


def _device_uid() -> str:
    """One UID for each version of the software."""
    from pydicom.uid import generate_uid

    return str(generate_uid(entropy_srcs=[SOFTWARE]))


def _decimal(value: float) -> float:
    """A plain Python number that a decimal string of 16 characters holds (PS3.5, VR DS)."""
    return round(float(value), 6)
