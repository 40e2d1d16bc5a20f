"""Who a film is of: the tags of its patient and study, and pseudonyms of them that only the owner of a key can make.

A pseudonym is an HMAC (RFC 2104, SHA-256) of what identifies a patient or study: equal for equal patients under one
key, different under another, and of no use without the key to find out who it stands for. Dates become days on a
calendar of the patient's own, moved by a number of days that also takes the key to know; differences of days stay true.
"""

import hashlib
import hmac
import os
import secrets
import stat
import sys
import warnings as python_warnings
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.film.dicom_dataset import looks_like_dicom, read_header
from SpineAlignmentLib.film.patient_tags import may_be_day

KEY_BYTES: Final[int] = 32
_LONGEST_KEY: Final[int] = 4096
"""Characters of a key's file that are read."""
_PSEUDONYM_DIGITS: Final[int] = 16
"""64 bits: among a million patients, two share a pseudonym once in 37 million archives."""
_CALENDAR_DAYS: Final[int] = 36525
"""Calendars of patients begin within this many days, a century."""

_TAGS: Final[dict[str, str]] = {
    "patient_id": "PatientID",
    "issuer": "IssuerOfPatientID",
    "patient_name": "PatientName",
    "birth_date": "PatientBirthDate",
    "study_uid": "StudyInstanceUID",
    "study_date": "StudyDate",
    "accession": "AccessionNumber",
}
"""DICOM PS3.3 C.7.1.1 (patient) and C.7.2.1 (study)."""


class KeyFileError(SpineAlignmentError):
    """A file of a pseudonym key that cannot be made or used."""


@dataclass(frozen=True)
class Identity:
    """What a DICOM file says of its patient and study; empty where it says nothing."""

    patient_id: str = ""
    issuer: str = ""
    patient_name: str = ""
    birth_date: str = ""
    study_uid: str = ""
    study_date: str = ""
    accession: str = ""

    @property
    def patient(self) -> str:
        """What tells the patient from others: the ID, unique within its issuer; else name and date of birth."""
        if self.patient_id:
            return f"{self.issuer}\0{self.patient_id}"
        return f"\0\0{self.patient_name}\0{self.birth_date}" if self.patient_name else ""

    @property
    def day(self) -> int | None:
        """The study's date as a number of days; None when there is none, or it cannot be: days count from the first."""
        try:
            day = datetime.strptime(self.study_date.replace(".", ""), "%Y%m%d").date()
        except ValueError:
            return None
        return day.toordinal() if may_be_day(day) else None

    def tags(self) -> dict[str, str | None]:
        """The tags as columns of the table."""
        return {name: getattr(self, name) or None for name in _TAGS if name != "issuer"}


@dataclass(frozen=True)
class Pseudonyms:
    """What stands for patient and study in results; None where the film does not say."""

    patient: str | None
    study: str | None
    day: int | None
    """Day of the study, on the patient's own calendar."""


def of_others(one: Identity, other: Identity) -> bool:
    """Whether two films are of different patients: by their IDs, or where those are not known by name or date of birth.

    What one of them does not say tells nothing; IDs of different issuers are not compared.
    """
    one_issuer = not one.issuer or not other.issuer or one.issuer == other.issuer
    if one.patient_id and other.patient_id and one_issuer:
        return one.patient_id != other.patient_id
    pairs = ((_plain(one.patient_name), _plain(other.patient_name)), (one.birth_date, other.birth_date))
    return any(mine and theirs and mine != theirs for mine, theirs in pairs)


def _plain(name: str) -> str:
    """A person name (PS3.5, VR PN) without what is written one way or another."""
    return " ".join(name.replace("^", " ").replace("=", " ").casefold().split())


def read_identity(path: Path) -> Identity:
    """The tags of patient and study of a film that `read_film` has read; empty ones of a file that is not DICOM."""
    with path.open("rb") as stream:
        if not looks_like_dicom(stream.read(512)):
            return Identity()
    data = read_header(path, tuple(_TAGS.values()))
    with python_warnings.catch_warnings():
        python_warnings.simplefilter("ignore")
        return Identity(**{name: _text(data, keyword) for name, keyword in _TAGS.items()})


def _text(data: Any, keyword: str) -> str:
    value = data.get(keyword)
    return "" if value is None else str(value).strip(" \0")


def pseudonyms(identity: Identity, key: bytes) -> Pseudonyms:
    """What stands for a patient and study under a key."""
    who = identity.patient
    day = identity.day
    start = int.from_bytes(_hmac(key, "calendar", who)[:8], "big") % _CALENDAR_DAYS
    return Pseudonyms(
        patient=_hmac(key, "patient", who).hex()[:_PSEUDONYM_DIGITS] if who else None,
        study=_hmac(key, "study", identity.study_uid).hex()[:_PSEUDONYM_DIGITS] if identity.study_uid else None,
        day=day - date.min.toordinal() + start if who and day is not None else None,
    )


def key_mark(key: bytes) -> str:
    """What tells a key from others without giving it away."""
    return _hmac(key, "mark", "").hex()[:_PSEUDONYM_DIGITS]


def _hmac(key: bytes, purpose: str, text: str) -> bytes:
    return hmac.new(key, f"{purpose}\0{text}".encode(errors="surrogatepass"), hashlib.sha256).digest()


def make_key(path: Path) -> None:
    """Write a new random key, readable by its owner alone; a file that is there stays as it is.

    Raises:
        KeyFileError: the file is there already, or cannot be written.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise KeyFileError(f"{path}: is there already; a key that was used must not be lost") from error
    except OSError as error:
        raise KeyFileError(f"{path}: cannot write: {error.strerror or error}") from error
    try:
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(KEY_BYTES) + "\n")
    except OSError as error:
        path.unlink(missing_ok=True)
        raise KeyFileError(f"{path}: cannot write: {error.strerror or error}") from error


def read_key(path: Path) -> bytes:
    """The key in a file that `make_key` wrote.

    Raises:
        KeyFileError: it cannot be read, is no key, or others than its owner can read it.
    """
    try:
        mode = path.stat().st_mode
        with path.open(encoding="ascii") as stream:
            text = stream.read(_LONGEST_KEY).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = f"cannot read: {error.strerror}" if isinstance(error, OSError) else "not a key"
        raise KeyFileError(f"{path}: {reason}; make a key with: spine-alignment make-key FILE") from error
    if sys.platform != "win32" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyFileError(f"{path}: others can read this key; take that from them with: chmod 600 FILE")
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) < KEY_BYTES:
        raise KeyFileError(f"{path}: not a key; make one with: spine-alignment make-key FILE")
    return key
