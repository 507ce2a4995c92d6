"""The words that everybody shares: data types, parameters, progress, errors, randomness and units. Opens no files."""
