"""The services of local Azure, one package each; `registry.py` lists them in the order in which they start."""
