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
        self._refused: list[str] = []

    def complain(self, text: str) -> None:
        """Show one line until it is dismissed."""
        with self.state:
            self.state.message = text

    def refuse(self, text: str) -> None:
        """Say why a file was not opened; of several that came at once, each line stays."""
        self._refused.append(text)
        self.complain("\n".join(self._refused))

    def opened(self) -> None:
        """A file was opened: what is left to say is what was wrong with those that came with it."""
        self.state.message = "\n".join(self._refused)

    def files_come(self) -> None:
        """What was said of files before these is said no more."""
        self._refused.clear()

    def tell(self, text: str) -> None:
        """Say what an action did, in a sentence before the hint, until the next one."""
        self.state.told = text

    def dismiss(self) -> None:
        """Take the line away."""
        self._refused.clear()
        self.state.message = ""
