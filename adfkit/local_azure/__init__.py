"""Azure on this machine: one gateway that official clients reach as a custom Azure cloud."""
