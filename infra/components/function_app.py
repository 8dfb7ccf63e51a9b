"""The Function app that runs transforms: Linux, Python, Flex Consumption, called with Entra tokens only."""

from __future__ import annotations

import pulumi
from pulumi_azure_native import web

from infra.components.identity import principal_of
from infra.components.monitoring import Monitoring
from infra.components.storage import PACKAGES, StorageAccount
from infra.deployment import Deployment
from infra.settings import Technique


class FunctionApp(pulumi.ComponentResource):
    """The app, with its own identity, which reads its package and keeps its host's state without a key.

    Attributes:
        app_name, host, scm_host: plain strings, since templates need them; `url` is the app's base URL.
        principal_id: of the app's identity.
        id: the app's resource id.
    """

    def __init__(
        self,
        deployment: Deployment,
        *,
        services: StorageAccount,
        monitoring: Monitoring,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("adfkit:function_app:FunctionApp", "function-app", None, opts)
        self.app_name = deployment.names.function_app
        self.host = deployment.cloud.web_host(self.app_name)
        self.scm_host = deployment.cloud.scm_host(self.app_name)
        self.url = f"https://{self.host}"
        plan = web.AppServicePlan(
            "plan",
            name=deployment.names.local("asp"),
            resource_group_name=deployment.resource_group,
            kind="functionapp",
            reserved=True,  # Linux
            sku=web.SkuDescriptionArgs(name="FC1", tier="FlexConsumption"),
            tags=deployment.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.app = web.WebApp(
            "function-app",
            name=self.app_name,
            resource_group_name=deployment.resource_group,
            kind="functionapp,linux",
            reserved=True,
            server_farm_id=plan.id,
            https_only=True,
            identity=web.ManagedServiceIdentityArgs(type=web.ManagedServiceIdentityType.SYSTEM_ASSIGNED),
            function_app_config=_config(deployment, services),
            site_config=web.SiteConfigArgs(
                min_tls_version=web.SupportedTlsVersions.SUPPORTED_TLS_VERSIONS_1_2,
                app_settings=_app_settings(deployment, services, monitoring),
            ),
            tags=deployment.tags,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[services.containers[PACKAGES]]),
        )
        self.id = self.app.id
        self.principal_id = principal_of(self.app.identity)
        self.register_outputs({"id": self.id, "url": self.url})

    def allow(self, deployment: Deployment, principal_id: pulumi.Input[str]) -> web.WebAppAuthSettingsV2:
        """Let one principal call the app, with a token for the app's audience; every other call is answered 401."""
        settings = deployment.settings.function_app
        return web.WebAppAuthSettingsV2(
            "function-app-callers",
            name=self.app.name,
            resource_group_name=deployment.resource_group,
            platform=web.AuthPlatformArgs(enabled=True, runtime_version="~1"),
            global_validation=web.GlobalValidationArgs(
                require_authentication=True,
                unauthenticated_client_action=web.UnauthenticatedClientActionV2.RETURN401,
            ),
            http_settings=web.HttpSettingsArgs(require_https=True),
            identity_providers=web.IdentityProvidersArgs(
                azure_active_directory=web.AzureActiveDirectoryArgs(
                    enabled=True,
                    registration=web.AzureActiveDirectoryRegistrationArgs(
                        client_id=str(settings.client_id),
                        open_id_issuer=f"{deployment.cloud.login}/{deployment.tenant_id}/v2.0",
                    ),
                    validation=web.AzureActiveDirectoryValidationArgs(
                        allowed_audiences=[settings.audience],
                        default_authorization_policy=web.DefaultAuthorizationPolicyArgs(
                            allowed_principals=web.AllowedPrincipalsArgs(identities=[principal_id])
                        ),
                    ),
                )
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )


def _config(deployment: Deployment, services: StorageAccount) -> web.FunctionAppConfigArgs:
    settings = deployment.settings.function_app
    return web.FunctionAppConfigArgs(
        deployment=web.FunctionsDeploymentArgs(
            storage=web.FunctionsDeploymentStorageArgs(
                type=web.FunctionsDeploymentStorageType.BLOB_CONTAINER,
                value=f"{services.blob_endpoint}/{PACKAGES}",
                authentication=web.FunctionsDeploymentStorageAuthenticationArgs(
                    type=web.AuthenticationType.SYSTEM_ASSIGNED_IDENTITY
                ),
            )
        ),
        runtime=web.FunctionsRuntimeArgs(name=web.RuntimeName.PYTHON, version="3.11"),
        scale_and_concurrency=web.FunctionsScaleAndConcurrencyArgs(
            instance_memory_mb=settings.instance_memory_mb, maximum_instance_count=settings.maximum_instances
        ),
    )


def _app_settings(
    deployment: Deployment, services: StorageAccount, monitoring: Monitoring
) -> list[web.NameValuePairArgs]:
    values: dict[str, pulumi.Input[str]] = {
        # the host's own storage by identity: no connection string
        "AzureWebJobsStorage__blobServiceUri": services.blob_endpoint,
        "AzureWebJobsStorage__credential": "managedidentity",
        "APPLICATIONINSIGHTS_CONNECTION_STRING": monitoring.connection_string,
    }
    if Technique.DURABLE_FUNCTION in deployment.settings.techniques:
        for service in ("queue", "table"):  # where orchestrations keep their state
            endpoint = deployment.cloud.storage_endpoint(services.account_name, service)
            values[f"AzureWebJobsStorage__{service}ServiceUri"] = endpoint
    return [web.NameValuePairArgs(name=name, value=value) for name, value in values.items()]
