"""The URLs by which an orchestration is managed, and what a client of Durable Functions is made from."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

import orjson

PATH: Final = "/runtime/webhooks/durabletask"
SYSTEM_KEY: Final = "durabletask_extension"
CONNECTION: Final = "Storage"
PLACEHOLDER: Final = "INSTANCEID"


def management_urls(origin: str, hub: str, code: str, id: str) -> dict[str, str]:
    """The URLs of one instance; `origin` is `https://<host>`, `code` the system key."""
    instance = f"{origin}{PATH}/instances/{quote(id, safe='')}"
    suffix = f"taskHub={hub}&connection={CONNECTION}&code={quote(code, safe='')}"
    return {
        "id": id,
        "statusQueryGetUri": f"{instance}?{suffix}",
        "sendEventPostUri": f"{instance}/raiseEvent/{{eventName}}?{suffix}",
        "terminatePostUri": f"{instance}/terminate?reason={{text}}&{suffix}",
        "rewindPostUri": f"{instance}/rewind?reason={{text}}&{suffix}",
        "purgeHistoryDeleteUri": f"{instance}?{suffix}",
        "restartPostUri": f"{instance}/restart?{suffix}",
        "suspendPostUri": f"{instance}/suspend?reason={{text}}&{suffix}",
        "resumePostUri": f"{instance}/resume?reason={{text}}&{suffix}",
    }


def client_binding(origin: str, hub: str, code: str, rpc_base_url: str) -> str:
    """The text that a function's durable client is made from, as the official extension gives it to a worker."""
    query = f"code={quote(code, safe='')}"
    create = f"{origin}{PATH}/orchestrators/{{functionName}}[/{{instanceId}}]"
    return orjson.dumps(
        {
            "taskHubName": hub,
            "creationUrls": {
                "createNewInstancePostUri": f"{create}?{query}",
                "createAndWaitOnNewInstancePostUri": (
                    f"{create}?timeout={{timeoutInSeconds}}&pollingInterval={{intervalInSeconds}}&{query}"
                ),
            },
            "managementUrls": management_urls(origin, hub, code, PLACEHOLDER),
            "baseUrl": f"{origin}{PATH}",
            "requiredQueryStringParameters": query,
            "rpcBaseUrl": rpc_base_url,
        }
    ).decode()
