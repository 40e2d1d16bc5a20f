"""Film pixels for the tools of this room."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def read_pixels(path: Path) -> NDArray[np.float32]:
    """The gray values of a film, shape (height, width), bone bright, float32, read as everywhere in the product.

    Raises:
        FilmError: the file is not a film.
    """
    from SpineAlignmentLib.film.reading import read_film

    return np.asarray(read_film(path).pixels, np.float32)
