"""The activities that run here, a module each; `registry` knows them all."""
