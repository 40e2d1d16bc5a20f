"""DICOM files from the words of their pixels, in every transfer syntax, for the tests of what is made of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

SYNTAXES: dict[str, str] = {
    "implicit little endian": "1.2.840.10008.1.2",
    "explicit little endian": "1.2.840.10008.1.2.1",
    "deflated": "1.2.840.10008.1.2.1.99",
    "big endian": "1.2.840.10008.1.2.2",
    "RLE": "1.2.840.10008.1.2.5",
    "JPEG lossless": "1.2.840.10008.1.2.4.70",
    "JPEG-LS": "1.2.840.10008.1.2.4.80",
    "JPEG 2000": "1.2.840.10008.1.2.4.90",
    "HTJ2K": "1.2.840.10008.1.2.4.201",
}


def dataset(words: np.ndarray, syntax: str, tags: Mapping[str, Any]) -> FileDataset:
    """A data set whose pixels are these unsigned words, shape (height, width); `tags` win over what fits them."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID("1.2.840.10008.5.1.4.1.1.1"), UID("1.2.3")
    # pydicom 2.4 does not write what it does not know
    meta.TransferSyntaxUID = UID(SYNTAXES["JPEG 2000" if syntax == "HTJ2K" else syntax])
    big = syntax == "big endian"
    data = FileDataset(
        "", {}, b"\0" * 128, meta, is_implicit_VR=syntax == "implicit little endian", is_little_endian=not big
    )
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = meta.MediaStorageSOPClassUID, UID("1.2.3"), "CR"
    data.Rows, data.Columns, data.SamplesPerPixel = *words.shape, 1
    bits = words.dtype.itemsize * 8
    data.PhotometricInterpretation = "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = bits, bits, bits - 1, 0
    for keyword, value in tags.items():
        setattr(data, keyword, value)
    if SYNTAXES[syntax].startswith(("1.2.840.10008.1.2.4", "1.2.840.10008.1.2.5")):
        data.PixelData = encapsulate([stream(words, syntax)])
        data["PixelData"].is_undefined_length = True
        data["PixelData"].VR = "OB"
    else:
        content = words.astype(words.dtype.newbyteorder(">" if big else "<")).tobytes()
        data.PixelData = content + b"\0" * (len(content) % 2)
        data["PixelData"].VR = "OB" if bits == 8 else "OW"
    return data


def write(path: Path, words: np.ndarray, syntax: str = "explicit little endian", **tags: Any) -> Path:
    """Write a file of `dataset`."""
    dataset(words, syntax, tags).save_as(path)
    return say_syntax(path, SYNTAXES[syntax])


def say_syntax(path: Path, uid: str) -> Path:
    """Let a file say another transfer syntax than it has."""
    content = path.read_bytes()
    value = uid.encode() + b"\0" * (len(uid) % 2)
    at = content.index(b"\x02\0\x10\0UI")
    old = int.from_bytes(content[at + 6 : at + 8], "little")
    element = content[at : at + 6] + len(value).to_bytes(2, "little") + value
    path.write_bytes(content[:at] + element + content[at + 8 + old :])
    return path


def stream(words: np.ndarray, syntax: str) -> bytes:
    """Unsigned words as one compressed image, of an even number of bytes."""
    import imagecodecs
    import jpeg_ls
    import openjpeg.utils

    bits = words.dtype.itemsize * 8
    content = {
        "RLE": lambda: rle(words),
        "JPEG lossless": lambda: bytes(imagecodecs.ljpeg_encode(words, bitspersample=bits)),
        "JPEG-LS": lambda: bytes(jpeg_ls.encode_array(words)),
        "JPEG 2000": lambda: bytes(openjpeg.utils.encode_array(words, bits_stored=bits, photometric_interpretation=2)),
        "HTJ2K": lambda: bytes(imagecodecs.htj2k_encode(words)),
    }[syntax]()
    return content + b"\0" * (len(content) % 2)


def rle(words: np.ndarray) -> bytes:
    """PS3.5 annex G, without looking for runs: a segment for each byte of a word, the highest first."""
    planes = words.astype(words.dtype.newbyteorder(">")).view(np.uint8).reshape(*words.shape, words.dtype.itemsize)
    segments = []
    for k in range(words.dtype.itemsize):
        rows = [planes[y, :, k].tobytes() for y in range(words.shape[0])]
        parts = [row[i : i + 128] for row in rows for i in range(0, len(row), 128)]
        packed = b"".join(bytes([len(part) - 1]) + part for part in parts)
        segments.append(packed + b"\0" * (len(packed) % 2))
    starts = 64 + np.cumsum([0, *(len(s) for s in segments)])[:-1]
    header = np.zeros(16, "<u4")
    header[0], header[1 : 1 + len(segments)] = len(segments), starts
    return header.tobytes() + b"".join(segments)


def table(entries: np.ndarray, first: int, bits: int, signed: bool, big: bool = False) -> list[Dataset]:
    """A sequence of one lookup table, for values from `first` on."""
    item = Dataset()
    item.add_new(0x00283002, "SS" if signed else "US", [len(entries) % 65536, first, bits])
    item.add_new(0x00283006, "OW", entries.astype(">u2" if big else "<u2").tobytes())
    return [item]
