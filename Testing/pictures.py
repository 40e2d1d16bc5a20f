"""Pictures of windows and pages as the documentation keeps them."""

from pathlib import Path
from typing import Final

from PIL import Image

WIDTH_PX: Final[int] = 1000
"""About as wide as documentation is shown."""


def save_for_documentation(picture: Image.Image, path: Path) -> None:
    """Save a picture no wider than `WIDTH_PX`: as WebP, a third of its size as PNG, or as JPEG.

    The Extensions Index takes PNG, JPEG and GIF only, so that its screenshot is a JPEG.
    """
    small = picture.convert("RGB")
    small.thumbnail((WIDTH_PX, WIDTH_PX), Image.Resampling.LANCZOS)
    small.save(path, quality=72 if path.suffix == ".webp" else 82, method=6)
