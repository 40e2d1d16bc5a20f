"""Films: how their files are read, and what the networks see of them."""

from SpineAlignmentLib.film.film import Film, film_from_pixels
from SpineAlignmentLib.film.reading import read_film

__all__ = ["Film", "film_from_pixels", "read_film"]
