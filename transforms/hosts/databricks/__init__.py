"""Runs a transform on Spark."""
