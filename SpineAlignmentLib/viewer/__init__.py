"""The viewer in the browser: Slicer's scene and slice view in a Python process, shown by a page.

`door` is the web server that people reach; it gives each of them a process of their own (`session`), in which a
`workplace` connects the scene, the slice view (`film_view`) and the page (`page/`), with parts for detections
(`detecting`), landmarks (`corrections`) and side and size of a pixel (`film_facts`). The door and what it imports never
import trame or Slicer.
"""
