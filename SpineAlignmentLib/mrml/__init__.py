"""A film's landmarks and measurements as MRML nodes: the scene logic that Slicer's module and the viewer share.

Only `slicer` (the MRML classes) and `vtk` are used here, never Qt, `slicer.mrmlScene` or `slicer.app`: the scene is
always an argument.
"""
