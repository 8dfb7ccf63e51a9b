"""The driver of a run: a program of its own, in the cluster's Python environment, where adfkit is not installed."""
