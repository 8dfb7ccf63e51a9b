"""Commands that a local node has in its path beside those of this machine."""
