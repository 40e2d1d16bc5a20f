"""Detections that take their time: a child process, many films at once, archives."""
