"""The code snapshot of both components: each step is started as `python <step>.py` in this folder."""
