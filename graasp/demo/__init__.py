"""Content to look at and to measure with: a believable course, and the benchmark data set."""
