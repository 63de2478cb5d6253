"""The prediction coordinator in small: the example that the tutorial in README.md walks through."""
