"""Departures a month and origin: a transform written in R."""
