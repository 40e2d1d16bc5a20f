"""Compressed DICOM pixels to the words that were compressed, whatever the tags around them say.

One decoder for all JPEG kinds: the GDCM inside SimpleITK, which both a plain install and Slicer carry, so that nothing
is to be installed and every front end sees the same pixels. It would apply what it thinks of rescale, polarity and
sign by rules of its own; so it is handed the bare stream, in a file of ours that says of the stream what the stream
itself says. RLE (PS3.5 annex G) is decoded by pydicom, which is much faster at it, and most films in JPEG 2000
by Pillow, which has OpenJPEG as well and is there already, while SimpleITK is another 90 MB.
"""

import io
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.checks import check_size
from SpineAlignmentLib.film.dicom_color import as_rgb

_ITEM: Final[bytes] = b"\xfe\xff\x00\xe0"
_SEQUENCE_END: Final[bytes] = b"\xfe\xff\xdd\xe0"
_RLE: Final[str] = "1.2.840.10008.1.2.5"
_JPEG_2000: Final[str] = "1.2.840.10008.1.2.4.90"
_JPEG_FRAMES: Final[dict[int, tuple[str, str]]] = {
    0xC0: ("1.2.840.10008.1.2.4.50", "JPEG"),
    0xC1: ("1.2.840.10008.1.2.4.51", "JPEG"),
    0xC2: ("1.2.840.10008.1.2.4.51", "JPEG"),
    0xC3: ("1.2.840.10008.1.2.4.57", "JPEG lossless"),
    0xF7: ("1.2.840.10008.1.2.4.81", "JPEG-LS"),
}
"""Start-of-frame markers of JPEG streams (ITU T.81 B.2.2, T.87 C.1.1), to their transfer syntax and name."""
_WITHOUT_LENGTH: Final[frozenset[int]] = frozenset({0x01, *range(0xD0, 0xD9)})
_DEEPEST: Final[int] = 16


@dataclass(frozen=True)
class Stream:
    """A compressed image and what its own header says."""

    content: bytes
    syntax: str
    name: str
    width: int
    height: int
    samples: int
    bits: int
    """Bits of a sample."""
    signed: bool | None = None
    """None where its format does not say."""
    color: str = ""
    """Photometric interpretation of its samples where it says it; wins over the tag."""


def is_encapsulated(value: bytes) -> bool:
    """Whether pixels begin as compressed ones do, with the item of an offset table (PS3.5 A.4)."""
    return value[:4] == _ITEM


def joined_fragments(encapsulated: bytes, path: Path) -> bytes:
    """The one image that the fragments of compressed pixels make up.

    Raises:
        FilmError: fragments do not fit into the file; a decoder would make room for all that they promise.
    """
    fragments: list[bytes] = []
    at = 0
    while at + 8 <= len(encapsulated):
        tag, length = encapsulated[at : at + 4], int.from_bytes(encapsulated[at + 4 : at + 8], "little")
        if tag == _SEQUENCE_END:
            break
        if tag != _ITEM or at + 8 + length > len(encapsulated):
            raise FilmError(f"{path}: damaged: the file ends within its compressed pixels, PixelData (7FE0,0010)")
        fragments.append(encapsulated[at + 8 : at + 8 + length])
        at += 8 + length
    content = b"".join(fragments[1:])
    if not content:
        raise FilmError(f"{path}: damaged: its PixelData (7FE0,0010) is empty")
    return content


def read_stream(content: bytes, syntax: str, size: tuple[int, int], samples: int, allocated: int) -> Stream | None:
    """What a compressed image says of itself; None when it is none that can be decoded.

    Args:
        content: the image.
        syntax: transfer syntax of the file; what the image itself says wins, and only RLE does not say.
        size: (width, height), samples and allocated bits of the file's tags, for RLE.
        samples: samples of a pixel.
        allocated: bits of a sample's room.
    """
    start = content[:64].find(b"\xff\x4f\xff\x51") if content[:4] == b"\xff\x4f\xff\x51" else -1
    if content[4:8] == b"jP  ":
        start = content.find(b"\xff\x4f\xff\x51")  # a JP2 file where its codestream alone should be
    if start >= 0:
        return _jpeg_2000(content[start:])
    if content[:2] == b"\xff\xd8":
        return _jpeg(content)
    segments = int.from_bytes(content[:4], "little")
    if syntax == _RLE or (0 < segments <= 15 and content[4:8] == b"\x40\0\0\0"):
        return Stream(content, _RLE, "RLE", size[0], size[1], samples, allocated)
    return None


def _jpeg_2000(content: bytes) -> Stream | None:
    """The SIZ marker segment; ITU T.800 A.5.1. HTJ2K (T.814) shares it."""
    if len(content) < 43:
        return None
    right, bottom, left, top = struct.unpack_from(">4I", content, 8)
    (samples,) = struct.unpack_from(">H", content, 40)
    depth = content[42]
    bits, signed = (depth & 0x7F) + 1, bool(depth & 0x80)
    return Stream(content, _JPEG_2000, "JPEG 2000", right - left, bottom - top, samples, bits, signed)


def _jpeg(content: bytes) -> Stream | None:
    """Markers up to the frame's (ITU T.81 B.2.2); JFIF and Adobe segments say whether color is stored as YCbCr."""
    at, color = 2, ""
    while at + 9 < len(content):
        if content[at] != 0xFF:
            return None
        marker = content[at + 1]
        if marker == 0xFF or marker in _WITHOUT_LENGTH:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in _JPEG_FRAMES:
            syntax, name = _JPEG_FRAMES[marker]
            bits, height, width, samples = struct.unpack_from(">BHHB", content, at + 4)
            return Stream(content, syntax, name, width, height, samples, bits, color=color if samples == 3 else "")
        if content[at + 4 : at + 8] == b"JFIF":
            color = "YBR_FULL_422"
        elif content[at + 4 : at + 9] == b"Adobe" and at + 15 < len(content):
            color = "YBR_FULL_422" if content[at + 15] else "RGB"
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return None


def decoded(stream: Stream, photometric: str, path: Path) -> NDArray[Any]:
    """The image of a stream, shape (height, width) or (height, width, samples), unsigned or signed as the stream is.

    Raises:
        FilmError: too deep, of an impossible size, or damaged.
    """
    check_size(stream.width, stream.height, str(path))
    if not 1 <= stream.bits <= _DEEPEST or stream.samples not in (1, 3):
        raise FilmError(
            f"{path}: its {stream.name} image has {stream.samples} samples of {stream.bits} bits a pixel, "
            f"which is not supported; 1 or 3 of at most {_DEEPEST} are"
        )
    if stream.syntax == _RLE:
        _check_rle(stream, path)
    try:
        image = _by_pillow(stream)
        if image is None:
            file = _bare_file(stream, photometric)
            image = np.asarray(file.pixel_array) if stream.syntax == _RLE else _by_gdcm(file, path)
    except FilmError:
        raise
    # whatever a decoder happens on in a damaged stream
    except Exception as error:
        raise FilmError(f"{path}: damaged: its {stream.name} pixels cannot be decoded") from error
    if image.shape[:2] != (stream.height, stream.width):
        raise FilmError(f"{path}: damaged: its {stream.name} image is not of the size that it says")
    # what is made of red, green and blue in JPEG 2000 is that again after decoding
    said = "RGB" if stream.syntax == _JPEG_2000 else stream.color or photometric
    return image if image.ndim == 2 else as_rgb(image, said)


def _check_rle(stream: Stream, path: Path) -> None:
    """Refuse RLE segments that do not fit the pixels; PS3.5 G.5."""
    segments = int.from_bytes(stream.content[:4], "little")
    expected = stream.samples * max(1, stream.bits // 8)
    if segments != expected:
        raise FilmError(f"{path}: damaged: {segments} RLE segments where the tags ask for {expected}")


def _bare_file(stream: Stream, photometric: str) -> Any:
    """A DICOM file of the stream and its own description, nothing else."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import UID

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID("1.2.840.10008.5.1.4.1.1.7"), UID("1.2.3")
    meta.TransferSyntaxUID = UID(stream.syntax)
    file = FileDataset("", {}, b"\0" * 128, meta, is_implicit_VR=False, is_little_endian=True)
    file.SOPClassUID, file.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    file.SamplesPerPixel, file.Rows, file.Columns = stream.samples, stream.height, stream.width
    file.PhotometricInterpretation = "MONOCHROME2"
    if stream.samples > 1:
        # GDCM and pydicom would turn into red, green and blue what is said to be none
        told = photometric if stream.syntax == _JPEG_2000 and photometric.startswith("YBR") else "RGB"
        file.PhotometricInterpretation, file.PlanarConfiguration = told, 0
    file.BitsAllocated = 8 if stream.bits <= 8 else 16
    file.BitsStored, file.HighBit, file.PixelRepresentation = stream.bits, stream.bits - 1, int(bool(stream.signed))
    file.PixelData = encapsulate([stream.content + b"\0" * (len(stream.content) % 2)])
    file["PixelData"].VR = "OB"
    file["PixelData"].is_undefined_length = True
    return file


def _by_pillow(stream: Stream) -> NDArray[Any] | None:
    """An image in JPEG 2000 of one unsigned sample of more than 8 bits; None for any other, and what Pillow refuses."""
    if stream.syntax != _JPEG_2000 or stream.samples != 1 or stream.signed or stream.bits <= 8:
        return None
    from PIL import Image

    try:
        with Image.open(io.BytesIO(stream.content), formats=["JPEG2000"]) as image:
            if image.mode != "I;16":
                return None
            words = np.asarray(image)
    # whatever it happens on in a damaged stream, and an installation without OpenJPEG: GDCM says what is wrong
    except Exception:
        return None
    return words >> (16 - stream.bits)  # Pillow fills words from the top


def _by_gdcm(file: Any, path: Path) -> NDArray[Any]:
    from SpineAlignmentLib.film.itk import itk_pixels

    with tempfile.TemporaryDirectory(prefix="SpineAlignment") as folder:
        place = Path(folder) / "pixels.dcm"
        try:
            file.save_as(place)
        # pydicom's own, without the number of the one that it was made of
        except OSError as error:
            where = f"{tempfile.gettempdir()}: no space left, or no writing there; TMPDIR names another folder"
            raise FilmError(f"{path}: cannot be decoded by way of {where}") from error
        return itk_pixels(place)
