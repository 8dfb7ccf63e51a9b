"""What runs inside the pipelines: a folder a transform, and the hosts that wrap them. Imports nothing of adfkit."""
