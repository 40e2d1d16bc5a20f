"""The few OpenCV filters of the chain, typed: float32 layers in and out."""

import cv2
import numpy as np
from numpy.typing import NDArray

from Training.simulation.appearance.projection_layers import Layer


def gaussian(image: Layer, sigma: float, sigma_y: float | None = None) -> Layer:
    """Gaussian blur with standard deviations in pixels; edges repeat."""
    out = cv2.GaussianBlur(
        image, (0, 0), sigma, sigmaY=sigma if sigma_y is None else sigma_y, borderType=cv2.BORDER_REPLICATE
    )
    return np.asarray(out, np.float32)


def shrink(image: Layer, step: int) -> Layer:
    """Means of blocks of about `step` x `step` pixels, at least 4 x 4 of them."""
    height, width = image.shape
    size = (max(4, width // step), max(4, height // step))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)


def stretch(image: Layer, shape: tuple[int, int], cubic: bool = False) -> Layer:
    """Interpolate to (height, width)."""
    how = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, shape[::-1], interpolation=how), np.float32)


def warp(image: Layer, matrix: NDArray[np.float64], shape: tuple[int, int], repeat_edge: bool = False) -> Layer:
    """Map pixels by a 2 x 3 matrix (source to target) onto a grid of (height, width)."""
    border = cv2.BORDER_REPLICATE if repeat_edge else cv2.BORDER_CONSTANT
    return np.asarray(cv2.warpAffine(image, matrix, shape[::-1], flags=cv2.INTER_LINEAR, borderMode=border), np.float32)


def mix(first: Layer, first_weight: float, second: Layer, second_weight: float, offset: float = 0.0) -> Layer:
    """Weighted sum of two layers."""
    return np.asarray(cv2.addWeighted(first, first_weight, second, second_weight, offset), np.float32)


def exponential(image: Layer) -> Layer:
    """e to the power of the layer."""
    return np.asarray(cv2.exp(image), np.float32)


def logarithm(image: Layer) -> Layer:
    """Natural logarithm of a positive layer."""
    return np.asarray(cv2.log(image), np.float32)
