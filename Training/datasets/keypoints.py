"""Films from keypoint annotations: COCO keypoints and LabelMe files."""

from pathlib import Path
from typing import Any

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.results.result_file import read_json
from Training.datasets.film import AnnotatedFilm
from Training.datasets.mapping import Mapping


def read_coco(path: Path, mapping: Mapping) -> list[AnnotatedFilm]:
    """The films of a COCO keypoint file (cocodataset.org, format of the keypoint task); visibility 0 is unlabeled.

    Several annotations of one image (one for each vertebra, say) are brought together by "<category>.<keypoint>", and
    by the bare keypoint name.

    Raises:
        ResultError: the file is not COCO keypoints, or none of its keypoints is in the mapping.
    """
    content = read_json(path)
    try:
        names = {c["id"]: (c["name"], list(c["keypoints"])) for c in content["categories"] if "keypoints" in c}
        images = {i["id"]: i for i in content["images"]}
        raw: dict[Any, dict[str, tuple[float, float]]] = {key: {} for key in images}
        for annotation in content["annotations"]:
            category, labels = names[annotation["category_id"]]
            flat = annotation["keypoints"]
            for i, label in enumerate(labels):
                x, y, visible = flat[3 * i : 3 * i + 3]
                if visible:
                    raw[annotation["image_id"]] |= {label: (x, y), f"{category}.{label}": (x, y)}
    except (KeyError, TypeError, ValueError) as error:
        raise ResultError(f"{path}: not a COCO keypoint file ({error!r})") from error
    _check_known(path, mapping, {label for points in raw.values() for label in points})
    return [
        mapping.film(image["file_name"], raw[key], path.parent, (int(image["width"]), int(image["height"])))
        for key, image in images.items()
        if raw[key]
    ]


def read_labelme(path: Path, mapping: Mapping) -> AnnotatedFilm:
    """A film from a LabelMe file with point shapes.

    Raises:
        ResultError: the file is not LabelMe's, or none of its labels is in the mapping.
    """
    content = read_json(path)
    try:
        shapes = [s for s in content["shapes"] if s.get("shape_type", "point") == "point"]
        raw = {str(s["label"]): (float(s["points"][0][0]), float(s["points"][0][1])) for s in shapes}
        name = str(content.get("imagePath") or f"{path.stem}.png").replace("\\", "/")
        size = (int(content.get("imageWidth") or 0), int(content.get("imageHeight") or 0))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ResultError(f"{path}: not a LabelMe file ({error!r})") from error
    _check_known(path, mapping, set(raw))
    return mapping.film(Path(name).name, raw, path.parent, size)


def _check_known(path: Path, mapping: Mapping, found: set[str]) -> None:
    wanted = {source for sources in mapping.points.values() for source in sources}
    if not wanted & found:
        raise ResultError(
            f"{path}: none of its points is in the mapping {mapping.name}; "
            f"it has {', '.join(sorted(found)[:8]) or 'none'}, the mapping expects {', '.join(sorted(wanted)[:8])}"
        )
