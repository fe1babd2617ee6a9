"""The daemon: notifications come in for months, and pushes and triggers go out.

An event comes through a `Listener` or another source into the `Intake`, which asks the routes and commits rows to the
inbox; from there the `Mover` makes jobs of them, and the engine does the rest. `Daemon` holds it all together.
"""
