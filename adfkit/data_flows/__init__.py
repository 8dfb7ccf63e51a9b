"""Mapping data flows: their script parsed, checked and run on DuckDB, with no service behind it.

https://learn.microsoft.com/azure/data-factory/concepts-data-flow-overview
"""
