"""The .nmc document: nodes and where they came from, states, undo history, autosave. Knows nothing of Qt."""
