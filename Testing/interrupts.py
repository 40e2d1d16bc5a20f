"""Processes that tests interrupt as a terminal does."""

import signal


def hear() -> None:
    """For `preexec_fn`: shells start what runs in the background deaf to Ctrl+C, and its children would be, too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
