"""Which part of a film is looked at, and how large."""

from dataclasses import replace

from SpineAlignmentLib.film.preprocessing import InputFrame


def zoomed(frame: InputFrame, zoom: float) -> InputFrame:
    return replace(frame, step=(frame.step[0] / zoom, frame.step[1] / zoom))


def resized(frame: InputFrame, input_size: tuple[int, int]) -> InputFrame:
    """The same view for a network of another input size."""
    if frame.input_size == input_size:
        return frame
    grow = max(frame.input_size[0] / input_size[0], frame.input_size[1] / input_size[1])
    return InputFrame(input_size, frame.center, (frame.step[0] * grow, frame.step[1] * grow))
