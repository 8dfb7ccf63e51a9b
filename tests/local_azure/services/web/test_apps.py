"""A function app deployed and called as in Azure: routes, log, failures, crashes, what its worker is given."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import jwt
import pytest
from azure.identity import DefaultAzureCredential

from adfkit.local_azure import daemon
from infra.function_package import PublishError, zipped

CODE = """
import json, logging, os, sys, time
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route(route="echo/{name}", methods=["POST"])
def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    logging.info("hello %s", req.route_params["name"])
    print("printed, not a frame")
    body = {"name": req.route_params["name"], "query": dict(req.params), "body": req.get_body().decode(),
            "function": context.function_name, "header": req.headers.get("x-one"),
            "forged": req.headers.get("x-ms-client-principal-id")}
    return func.HttpResponse(json.dumps(body), status_code=201, headers={"x-answer": "yes"},
                             mimetype="application/json")

@app.route(route="text")
async def text(req: func.HttpRequest) -> str:
    return "plain"

@app.route(route="raise")
def raises(req: func.HttpRequest) -> str:
    raise ValueError("no such month: 13")

@app.route(route="exit")
def exits(req: func.HttpRequest) -> str:
    os._exit(7)

@app.route(route="environment")
def environment(req: func.HttpRequest) -> str:
    return json.dumps({"environment": dict(os.environ), "path": sys.path, "modules": sorted(sys.modules)})

@app.route(route="token")
def token(req: func.HttpRequest) -> str:
    from azure.identity import DefaultAzureCredential
    return DefaultAzureCredential().get_token("https://storage.azure.com/.default").token

@app.route(route="locked", auth_level=func.AuthLevel.FUNCTION)
def locked(req: func.HttpRequest) -> str:
    return "open"

@app.route(route="{*rest}")
def rest(req: func.HttpRequest) -> str:
    return "rest:" + req.route_params.get("rest", "")
"""


@pytest.fixture(scope="module")
def app(made_web_cloud: Any) -> Any:
    """One app for the tests that only call it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in made_web_cloud.local_azure.environment.items():
            patch.setenv(name, value)
        made = made_web_cloud.app(ONE="1")
        made.publish(CODE, requirements="azure-functions==1.26.0\nazure-identity\n")
    return made


@pytest.fixture(autouse=True)
def reached(web: Any) -> None:
    """Every test here reaches local Azure."""


def test_a_function_gets_its_request_and_its_answer_comes_back(app: Any) -> None:
    response = app.call(
        "POST", "/api/echo/anna?a=1", content="body", headers={"x-one": "1", "x-ms-client-principal-id": "boss"}
    )
    assert (response.status_code, response.headers["x-answer"]) == (201, "yes")
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {
        "name": "anna",
        "query": {"a": "1"},
        "body": "body",
        "function": "echo",
        "header": "1",
        "forged": None,
    }
    assert "hello anna" in app.log()
    assert "printed, not a frame" in app.log()
    assert ("echo", 201, None) in app.invocations()


def test_coroutines_and_catch_all_routes_are_served(app: Any) -> None:
    assert app.call("GET", "/api/text").text == "plain"
    assert app.call("GET", "/api/else/where").text == "rest:else/where"


def test_a_path_without_a_function_names_those_that_are(app: Any) -> None:
    response = app.call("GET", "/nothing")
    assert response.status_code == 404
    assert "'/nothing'" not in response.text
    assert "has no function at GET /nothing" in response.text


def test_an_exception_is_answered_500_and_logged_with_its_stack(app: Any) -> None:
    response = app.call("GET", "/api/raise")
    assert response.status_code == 500
    line = next(number for number, text in enumerate(CODE.splitlines(), 1) if "no such month" in text)
    where = f'File "function_app.py", line {line}, in raises'
    said = f"Result: Failure\nException: ValueError: no such month: 13\nStack: {where}"
    assert response.text == said
    assert app.invocations()[-1] == ("raises", 500, said)
    assert any('raise ValueError("no such month: 13")' in line for line in app.log())


def test_a_worker_that_ends_fails_its_invocation_and_starts_again(app: Any) -> None:
    response = app.call("GET", "/api/exit")
    assert response.status_code == 500
    assert response.text.startswith("Language Worker Process exited (exit status 7).")
    assert app.call("GET", "/api/text").text == "plain"


def test_the_worker_has_the_settings_and_nothing_of_ours(app: Any) -> None:
    got = app.call("GET", "/api/environment").json()
    environment = got["environment"]
    assert (environment["ONE"], environment["WEBSITE_SITE_NAME"], environment["WEBSITE_HOSTNAME"]) == (
        "1",
        app.name,
        app.host,
    )
    assert "AZURE_CLIENT_SECRET" not in environment
    assert not [path for path in got["path"] if "adfkit/local_azure" in path or path.endswith(".venv")]
    assert not [module for module in got["modules"] if module.startswith(("adfkit", "pulumi", "polars"))]


def test_the_worker_has_the_apps_identity(app: Any) -> None:
    claims = jwt.decode(app.call("GET", "/api/token").text, options={"verify_signature": False})
    assert claims["oid"] == app.principal_id


def test_a_function_key_opens_what_a_stranger_may_not_call(app: Any) -> None:
    assert app.call("GET", "/api/locked").status_code == 401
    assert app.call("GET", "/api/locked?code=wrong").status_code == 401
    keys = app.cloud.arm("POST", f"{app.id}/host/default/listkeys").json()
    assert app.call("GET", "/api/locked", headers={"x-functions-key": keys["functionKeys"]["default"]}).text == "open"
    assert app.call("GET", f"/admin/host/status?code={keys['masterKey']}").json()["state"] == "Running"


def test_each_key_opens_what_it_is_for(app: Any) -> None:
    functions, host = f"{app.id}/functions", f"{app.id}/host/default"

    def status(key: str, path: str = "/api/locked") -> int:
        return app.call("GET", path, headers={"x-functions-key": key}).status_code

    own = app.cloud.arm("POST", f"{functions}/locked/listkeys").json()["default"]
    others = app.cloud.arm("POST", f"{functions}/text/listkeys").json()["default"]
    assert (status(own), status(others), status(own, "/admin/host/status")) == (200, 401, 401)
    body = {"properties": {"value": "chosen-by-me"}}
    made = app.cloud.arm("PUT", f"{functions}/locked/keys/mine", json=body)
    assert made.json()["properties"] == {"name": "mine", "value": "chosen-by-me"}
    assert app.cloud.arm("POST", f"{functions}/locked/listkeys").json() == {"default": own, "mine": "chosen-by-me"}
    assert status("chosen-by-me") == 200
    assert app.cloud.arm("DELETE", f"{functions}/locked/keys/mine").status_code == 200
    assert status("chosen-by-me") == 401
    made = app.cloud.arm("PUT", f"{host}/functionkeys/all", json={"properties": {}}).json()["properties"]
    assert (status(made["value"]), status(made["value"], "/admin/host/status")) == (200, 401)
    listed = app.cloud.arm("POST", f"{host}/listkeys").json()
    assert set(listed["functionKeys"]) == {"default", "all"}
    assert status(listed["masterKey"], "/admin/host/status") == 200
    assert app.cloud.arm("PUT", f"{functions}/none/keys/x", json=body).status_code == 404
    assert app.cloud.arm("GET", f"{functions}/locked/keys/default").status_code == 405


def test_new_settings_reach_the_next_invocation(app: Any) -> None:
    assert app.set_config("appsettings", {"ONE": "2"}).status_code == 200
    assert app.call("GET", "/api/environment").json()["environment"]["ONE"] == "2"
    listed = app.cloud.arm("POST", f"{app.id}/config/appsettings/list").json()
    assert listed["properties"] == {"ONE": "2"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"requirements": ""}, "No module named 'azure"),
        ({"requirements": "adfkit-has-no-such-package==1\n"}, "could not be installed"),
        ({"code": "import azure.functions\n"}, "must define one FunctionApp at its top level; it defines 0"),
        ({"code": CODE + "\nraise RuntimeError('broken at import')\n"}, "RuntimeError: broken at import"),
        (
            {
                "code": "import azure.functions as func\napp = func.FunctionApp()\n"
                "@app.cosmos_db_trigger('t', connection='C', database_name='d', container_name='c')\ndef tick(t): ...\n"
            },
            "The function 'tick' has a binding of the type 'cosmosDBTrigger', which local Azure does not support",
        ),
        ({"host": '{"version": "1.0"}'}, 'host.json must be an object with "version": "2.0"'),
    ],
    ids=["missing requirement", "unknown package", "no app", "import error", "cosmos trigger", "host.json"],
)
def test_what_can_not_run_fails_its_deployment_and_the_old_code_serves_on(
    app: Any, change: dict[str, str], says: str
) -> None:
    code = change.pop("code", CODE)
    with pytest.raises(PublishError) as raised:
        app.publish(code, **change)
    assert says in str(raised.value)
    assert app.call("GET", "/api/text").text == "plain"


def test_a_package_that_was_built_before_brings_its_dependencies(web: Any) -> None:
    app = web.app()
    site_packages = Path(jwt.__file__).parent.parent
    folders = [site_packages / name for name in ("azure/functions", "werkzeug", "markupsafe")]
    carried = [path for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".so")]
    built = {
        f".python_packages/lib/site-packages/{path.relative_to(site_packages)}": path.read_bytes() for path in carried
    }
    package = {"host.json": b'{"version": "2.0"}', "function_app.py": CODE.encode(), **built}
    with httpx.Client(timeout=60, headers={"authorization": f"Bearer {web.arm_token()}"}) as client:
        url = f"https://{app.scm_host}/api"
        refused = client.post(f"{url}/publish", content=b"x", headers={"content-type": "application/x-tar"})
        assert refused.status_code == 415
        taken = client.post(f"{url}/publish", content=zipped(package), headers={"content-type": "application/zip"})
        assert taken.status_code == 202
        deployment = f"{url}/deployments/{taken.json()}"
        while not (found := client.get(deployment).json())["complete"]:
            time.sleep(0.1)
        assert (found["status"], found["status_text"], found["remoteBuild"]) == (4, "", False)
        assert client.get(f"{deployment}/log").json()[0]["message"] == "Success"
        assert client.get(f"{url}/deployments/none").status_code == 404
    assert app.call("GET", "/api/text").text == "plain"


def test_an_app_without_its_role_can_not_be_deployed(web: Any) -> None:
    app = web.app(granted=False)
    response = app.call("GET", "/api/text")
    assert response.status_code == 503
    assert "AuthorizationPermissionMismatch" in response.text
    with pytest.raises(PublishError, match="AuthorizationPermissionMismatch") as raised:
        app.publish(CODE, requirements="azure-functions==1.26.0\nazure-identity\n")
    assert app.principal_id in str(raised.value)
    app.grant()
    app.publish(CODE, requirements="azure-functions==1.26.0\nazure-identity\n")
    assert app.call("GET", "/api/text").text == "plain"
    app.revoke()
    time.sleep(1.1)  # an instance looks at its package once a second
    response = app.call("GET", "/api/text")
    assert (response.status_code, "AuthorizationPermissionMismatch" in response.text) == (503, True)
    assert any("AuthorizationPermissionMismatch" in line for line in app.log())


def test_a_function_that_outlives_its_timeout_is_ended(web: Any) -> None:
    app = web.app()
    code = "import time\nimport azure.functions as func\napp = func.FunctionApp(http_auth_level='ANONYMOUS')\n"
    code += "@app.route(route='sleep/{seconds}')\ndef sleep(req: func.HttpRequest) -> str:\n"
    code += "    time.sleep(float(req.route_params['seconds']))\n    return 'VERSION'\n"
    app.publish(code.replace("VERSION", "one"), host='{"version": "2.0", "functionTimeout": "00:00:02"}')
    response = app.call("GET", "/api/sleep/30")
    assert (response.status_code, response.text) == (500, "Timeout value of 2 seconds exceeded by function: sleep.")
    with ThreadPoolExecutor() as threads:
        slow = threads.submit(app.call, "GET", "/api/sleep/1.5")
        while not web.query("SELECT 1 FROM web_invocations WHERE site = ? AND ended_at IS NULL", app):
            time.sleep(0.01)
        app.publish(code.replace("VERSION", "two"))
        assert app.call("GET", "/api/sleep/0").text == "two"
        assert slow.result().text == "one"


@pytest.mark.slow
def test_an_app_outlives_a_gateway_that_is_killed(
    local_azure: Any, another_web_cloud: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "local"

    def start() -> None:
        daemon.start(folder)
        for name, value in daemon.environment(folder).items():
            monkeypatch.setenv(name, value)

    start()
    try:
        credential = DefaultAzureCredential()
        app = another_web_cloud(SimpleNamespace(folder=folder, environment=os.environ, credential=credential)).app(
            ONE="1"
        )
        app.publish(CODE)
        running = daemon.status(folder)
        assert running.pid
        os.kill(running.pid, signal.SIGKILL)
        while daemon.status(folder).running:
            time.sleep(0.01)
        start()
        assert app.call("GET", "/api/environment").json()["environment"]["ONE"] == "1"
    finally:
        daemon.stop(folder)
