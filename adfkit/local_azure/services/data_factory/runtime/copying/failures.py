"""Why a copy failed, as the service words it.

https://learn.microsoft.com/azure/data-factory/connector-troubleshoot-guide
"""

from __future__ import annotations

from typing import Final

from adfkit.local_azure.services.data_factory.runtime.errors import ActivityFailure

CODE: Final = "2200"
_TYPE: Final = "Microsoft.DataTransfer.Common.Shared.HybridDeliveryException"
_SOURCE: Final = "Microsoft.DataTransfer.ClientLibrary"


def copy_failure(code: str, message: str, activity_code: str = CODE) -> ActivityFailure:
    """A failure of a copy, or of what else reads as it does: the activity's code, the connector's in the message."""
    return ActivityFailure(activity_code, f"ErrorCode={code},'Type={_TYPE},Message={message},Source={_SOURCE},'")
