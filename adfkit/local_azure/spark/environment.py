"""What a Spark process needs to run beside local Azure: variables, configuration, an identity for storage."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from adfkit.local_azure.files import write_private
from adfkit.local_azure.gateway.certificates import ca_bundle
from adfkit.local_azure.identity import Principal
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.python_environments import PythonEnvironment
from adfkit.local_azure.spark import hadoop_azure
from adfkit.local_azure.spark.java import java_home

DEFAULTS: Final = {
    "spark.master": "local[2]",
    "spark.driver.memory": "2g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "4",
    "spark.ui.enabled": "false",
}
"""Spark small, and on loopback; what is configured for a run goes before."""
_JAVA_OPTIONS: Final = "spark.driver.extraJavaOptions"
_CLASS_PATH: Final = "spark.driver.extraClassPath"
_QUICK: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""A run on one machine is mostly its start: less compiling takes a third off the processor time of a small one."""
_TRUST_STORE_PASSWORD: Final = "changeit"  # noqa: S105  (Java's own; the store holds a public certificate)


@dataclass(frozen=True, slots=True)
class SparkEnvironment:
    """Variables for one Spark process; what they give ends with `revoke`."""

    variables: Mapping[str, str]
    _platform: Platform
    _endpoints: tuple[dict[str, str], ...]

    @staticmethod
    async def prepare(
        platform: Platform,
        python: PythonEnvironment,
        folder: Path,
        *,
        configuration: Mapping[str, str],
        identities: Mapping[str, Principal],
    ) -> SparkEnvironment:
        """Write the configuration of a process that is about to start.

        Args:
            python: the environment, with PySpark, that it runs in.
            folder: a folder of this run's own.
            configuration: Spark settings, which go before the defaults.
            identities: storage account -> who reads and writes there.

        Raises:
            LocalAzureError: Java or the storage driver could not be had.
        """
        home = await java_home(platform)
        jar = await hadoop_azure.jar(platform, python, home)
        endpoints = []
        settings = {**DEFAULTS, **configuration}
        for account, principal in identities.items():
            endpoint = platform.identity.endpoint_environment(principal, "hadoop")
            endpoints.append(endpoint)
            settings |= hadoop_azure.configuration(
                account,
                endpoint=endpoint["IDENTITY_ENDPOINT"],
                client_id=principal.client_id,
                secret=endpoint["IDENTITY_HEADER"],
            )
        settings[_CLASS_PATH] = ":".join(filter(None, (str(jar), settings.get(_CLASS_PATH))))
        options = _java_options(platform, await asyncio.to_thread(_trust_store, platform.folder))
        # Java takes the last of two: a run's own count
        settings[_JAVA_OPTIONS] = " ".join((*_QUICK, settings.get(_JAVA_OPTIONS, ""), *options))
        text = "".join(f"{_escape(name)}={_escape(value)}\n" for name, value in settings.items())
        await asyncio.to_thread(write_private, folder / "conf" / "spark-defaults.conf", text.encode())
        variables = {
            "JAVA_HOME": str(home),
            "SPARK_CONF_DIR": str(folder / "conf"),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_PYTHON": str(python.python),
        }
        return SparkEnvironment(variables, platform, tuple(endpoints))

    def revoke(self) -> None:
        """End the process' way to tokens, when it has ended."""
        for endpoint in self._endpoints:
            self._platform.identity.revoke_endpoint(endpoint)


def _java_options(platform: Platform, trust_store: Path) -> list[str]:
    proxy = urlsplit(platform.client_environment["HTTPS_PROXY"])
    return [
        *(f"-D{scheme}.proxyHost={proxy.hostname}" for scheme in ("http", "https")),
        *(f"-D{scheme}.proxyPort={proxy.port}" for scheme in ("http", "https")),
        f"-Djavax.net.ssl.trustStore={trust_store}",
        "-Djavax.net.ssl.trustStoreType=PKCS12",
        f"-Djavax.net.ssl.trustStorePassword={_TRUST_STORE_PASSWORD}",
    ]


def _trust_store(folder: Path) -> Path:
    """This cloud's certificate authority, as Java reads it."""
    bundle = ca_bundle(folder)
    path = bundle.with_suffix(".p12")
    if not path.exists():
        certificate = pkcs12.PKCS12Certificate(x509.load_pem_x509_certificate(bundle.read_bytes()), b"local azure")
        password = BestAvailableEncryption(_TRUST_STORE_PASSWORD.encode())
        write_private(path, pkcs12.serialize_java_truststore([certificate], password))
    return path


def _escape(text: str) -> str:
    """A key or value of a Java properties file."""
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return "".join(f"\\{letter}" if letter in " :=#!" else letter for letter in escaped)
