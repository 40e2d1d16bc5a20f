"""What all parts of the workplace share: the page's state, and the film that it shows."""

from typing import Any

from SpineAlignmentLib.mrml.alignment import FilmAlignment


class OpenPage:
    """One person's page."""

    def __init__(self, state: Any) -> None:
        self.state = state
        """What the page's template shows; assigning to its attributes sends them."""
        self.film: FilmAlignment | None = None
        """The film on screen."""

    def complain(self, text: str) -> None:
        """Show one line until it is dismissed."""
        with self.state:
            self.state.message = text

    def tell(self, text: str) -> None:
        """Say what an action did, in a sentence before the hint, until the next one."""
        self.state.told = text

    def dismiss(self) -> None:
        """Take the line away."""
        self.state.message = ""
