"""The exhaustive search over the shipped `step`: its worlds, its witness, its canonical form, its walk."""
