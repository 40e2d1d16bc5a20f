"""Films from keypoint annotations: COCO keypoints and LabelMe files."""

from pathlib import Path
from typing import Any

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.results.result_file import read_json
from Training.datasets.mapping import Mapping, Marked, Points


def read_coco(path: Path, mapping: Mapping) -> list[Marked]:
    """The points of a COCO keypoint file (cocodataset.org, format of the keypoint task); visibility 0 is unlabeled.

    Several annotations of one image (one for each vertebra, say) are brought together by "<category>.<keypoint>", and
    by the bare keypoint name.

    Raises:
        ResultError: the file is not COCO keypoints, none of its keypoints is in the mapping, or a film has one twice.
    """
    content = read_json(path)
    try:
        names = {c["id"]: (c["name"], list(c["keypoints"])) for c in content["categories"] if "keypoints" in c}
        images = {i["id"]: (str(i["file_name"]), _size(i.get("width"), i.get("height"))) for i in content["images"]}
        raw: dict[Any, Points] = {key: {} for key in images}
        for annotation in content["annotations"]:
            category, labels = names[annotation["category_id"]]
            flat = annotation["keypoints"]
            for i, label in enumerate(labels):
                x, y, visible = flat[3 * i : 3 * i + 3]
                if visible:
                    key, point = annotation["image_id"], (float(x), float(y))
                    for name in (label, f"{category}.{label}"):
                        mapping.add(raw[key], name, point, f"{path}: {images[key][0]}")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ResultError(f"{path}: not a COCO keypoint file ({error!r})") from error
    mapping.check_known(path, {label for points in raw.values() for label in points})
    return [Marked(path, name, raw[key], size) for key, (name, size) in images.items() if raw[key]]


def read_labelme(path: Path, mapping: Mapping) -> Marked:
    """The points of a LabelMe file with point shapes.

    Raises:
        ResultError: the file is not LabelMe's, none of its labels is in the mapping, or one is there twice.
    """
    content = read_json(path)
    try:
        shapes = [s for s in content["shapes"] if s.get("shape_type", "point") == "point"]
        raw: Points = {}
        for shape in shapes:
            x, y = shape["points"][0]
            mapping.add(raw, str(shape["label"]), (float(x), float(y)), str(path))
        name = str(content.get("imagePath") or f"{path.stem}.png").replace("\\", "/")
        size = _size(content.get("imageWidth"), content.get("imageHeight"))
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise ResultError(f"{path}: not a LabelMe file ({error!r})") from error
    mapping.check_known(path, set(raw))
    return Marked(path, Path(name).name, raw, size)


def _size(width: Any, height: Any) -> tuple[int, int]:
    """(width, height) in pixels; (0, 0), unknown, where the set does not state both."""
    return (int(width), int(height)) if width and height else (0, 0)
