"""Routes: which changes of objects become which rows. Pure.

A route takes events of one bucket, of keys with a prefix and a suffix, and of some kinds. It leads to one or more
destinations, each a kind of row with all columns fixed but the one that tells what has changed. No route knows a cloud:
a row type with a column `key` is told the object, and one with a column `path` the directory that the object is in.
"""

from engine.routes.destinations import Destination, Directories, Keys
from engine.routes.routing import Route, Routed, Routes
from engine.routes.settings import read_routes

__all__ = ["Destination", "Directories", "Keys", "Route", "Routed", "Routes", "read_routes"]
