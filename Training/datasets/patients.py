"""Whose film it is, as far as the film's file says: never by a file's name, which patients share."""

import hashlib
from pathlib import Path

from SpineAlignmentLib.film.identity import read_identity


def patient_code(film: Path) -> str:
    """A code of a film's patient, equal for films of one patient; empty where the file names none.

    The code is a hash, so that a list of codes names nobody at sight; whoever can guess an ID can check the guess, so
    codes stay within a run.

    Args:
        film: the film's file.
    """
    try:
        who = read_identity(film).patient
    # damaged tags raise whatever pydicom happens on; whoever reads the film says what is wrong with it
    except Exception:
        return ""
    return hashlib.sha256(who.encode(errors="surrogatepass")).hexdigest()[:16] if who else ""
