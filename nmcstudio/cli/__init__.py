"""The command line: commands generated from the registry of steps."""
