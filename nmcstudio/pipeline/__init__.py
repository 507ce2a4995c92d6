"""Steps, their registry, the way they are run on plain values and on projects, and recipes."""
