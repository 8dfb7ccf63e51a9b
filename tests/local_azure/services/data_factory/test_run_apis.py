"""The service through azure-mgmt-datafactory, as it is, against a real local Azure."""

from __future__ import annotations
