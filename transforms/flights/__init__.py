"""Flights out of New York in 2013, each with the weather at its origin: see README.md for every column."""
