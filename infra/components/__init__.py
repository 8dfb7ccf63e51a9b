"""The components of the platform: one ComponentResource a service."""
