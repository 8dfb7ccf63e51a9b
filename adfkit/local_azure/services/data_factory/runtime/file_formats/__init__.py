"""Files in the formats of datasets, on this machine's disk: unpacked, read and written by DuckDB, packed."""
