"""The network, the transform from heatmaps to coordinates, losses and metrics."""
