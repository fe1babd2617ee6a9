"""The command line: reads what is asked for, has the engine do it, and reports. What decides anything is elsewhere."""
