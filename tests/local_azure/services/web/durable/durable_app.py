"""A function app that uses each feature of Durable Functions once; what activities did is noted in a file."""

import os
import time
from datetime import timedelta
from pathlib import Path

import azure.durable_functions as df
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
durable = df.Blueprint()
NOTES = Path(os.environ["NOTES"])


def note(text: str) -> None:
    """Append one line, in one write."""
    with NOTES.open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")


@durable.route(route="start/{name}", methods=["POST"])
@durable.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Start an orchestration; answers 202 with its management URLs."""
    body = req.get_json() if req.get_body() else None
    id = await client.start_new(req.route_params["name"], req.params.get("id"), body)
    return client.create_check_status_response(req, id)


@durable.route(route="client/{verb}/{id}", methods=["POST"])
@durable.durable_client_input(client_name="client")
async def use_client(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> str:
    """Use the rest of the official client."""
    id, verb = req.route_params["id"], req.route_params["verb"]
    if verb == "raise":
        await client.raise_event(id, req.params["event"], req.get_json())
    elif verb == "signal":
        await client.signal_entity(df.EntityId("counter", id), "add", req.get_json())
    elif verb == "read":
        state = await client.read_entity_state(df.EntityId("counter", id))
        return f"{state.entity_exists} {state.entity_state}"
    elif verb == "purge":
        return str((await client.purge_instance_history(id)).instances_deleted)
    elif verb == "list":
        return " ".join(sorted(each.instance_id for each in await client.get_status_by(instance_id_prefix=id)))
    elif verb == "restart":
        return str(await client.restart(id, restart_with_new_instance_id=False))
    else:
        await getattr(client, verb)(id, "because")
    return (await client.get_status(id)).runtime_status.name


@durable.activity_trigger(input_name="number")
def square(number: int) -> int:
    note(f"square {number}")
    return number * number


@durable.activity_trigger(input_name="text")
def shout(text: str) -> dict[str, str]:
    return {"shouted": text.upper()}


@durable.activity_trigger(input_name="number")
def slow_square(number: int) -> int:
    note(f"begin {number}")
    deadline = time.monotonic() + 60
    while number % 2 and not (NOTES.parent / "go").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    note(f"end {number}")
    return number * number


@durable.activity_trigger(input_name="failures")
def flaky(failures: int) -> str:
    note("flaky")
    if NOTES.read_text().count("flaky") <= failures:
        raise ValueError("not yet")
    return "at last"


@durable.activity_trigger(input_name="nothing")
def die(nothing: None) -> None:
    os._exit(7)


@durable.orchestration_trigger(context_name="context")
def chain(context: df.DurableOrchestrationContext):
    text = yield context.call_activity("shout", context.get_input()["text"])
    number = yield context.call_activity("square", len(text["shouted"]))
    context.set_custom_status({"squared": number})
    return [text, number, context.instance_id]


@durable.orchestration_trigger(context_name="context")
def fan_out(context: df.DurableOrchestrationContext):
    squares = yield context.task_all([context.call_activity("square", number) for number in range(5)])
    return sum(squares)


@durable.orchestration_trigger(context_name="context")
def slow_fan_out(context: df.DurableOrchestrationContext):
    first = yield context.call_activity("square", 10)
    squares = yield context.task_all([context.call_activity("slow_square", number) for number in range(6)])
    return [first, *squares]


@durable.orchestration_trigger(context_name="context")
def parent(context: df.DurableOrchestrationContext):
    total = yield context.call_sub_orchestrator("fan_out")
    named = yield context.call_sub_orchestrator("chain", {"text": "abc"}, f"{context.instance_id}-child")
    return [total, named[2]]


@durable.orchestration_trigger(context_name="context")
def timer(context: df.DurableOrchestrationContext):
    began = context.current_utc_datetime
    yield context.create_timer(began + timedelta(milliseconds=200))
    return context.current_utc_datetime >= began + timedelta(milliseconds=200)


@durable.orchestration_trigger(context_name="context")
def approval(context: df.DurableOrchestrationContext):
    timeout = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    event = context.wait_for_external_event("Approved")
    winner = yield context.task_any([timeout, event])
    if winner is event:
        timeout.cancel()
        number = yield context.call_activity("square", 3)
        return [event.result, number]
    return "too late"


@durable.orchestration_trigger(context_name="context")
def retried(context: df.DurableOrchestrationContext):
    options = df.RetryOptions(first_retry_interval_in_milliseconds=50, max_number_of_attempts=3)
    value = yield context.call_activity_with_retry("flaky", options, context.get_input())
    number = yield context.call_activity("square", 2)
    return [value, number]


@durable.orchestration_trigger(context_name="context")
def caught(context: df.DurableOrchestrationContext):
    try:
        yield context.call_activity("flaky", 99)
    except Exception as error:  # noqa: BLE001  what the SDK raises
        return str(error).splitlines()[0]


@durable.orchestration_trigger(context_name="context")
def failing(context: df.DurableOrchestrationContext):
    yield context.call_activity("square", 1)
    raise RuntimeError("no way")


@durable.orchestration_trigger(context_name="context")
def unknown(context: df.DurableOrchestrationContext):
    yield context.call_activity("nobody", 1)


@durable.orchestration_trigger(context_name="context")
def dying(context: df.DurableOrchestrationContext):
    yield context.call_activity("die")


@durable.orchestration_trigger(context_name="context")
def calls_http(context: df.DurableOrchestrationContext):
    yield context.call_http("GET", "https://example.org/")


@durable.orchestration_trigger(context_name="context")
def countdown(context: df.DurableOrchestrationContext):
    left = context.get_input()
    yield context.call_activity("square", left)
    if left == 0:
        return "lift off"
    context.continue_as_new(left - 1)


@durable.orchestration_trigger(context_name="context")
def counting(context: df.DurableOrchestrationContext):
    counter = df.EntityId("counter", context.instance_id)
    context.signal_entity(counter, "add", 5)
    yield context.call_entity(counter, "add", 2)
    try:
        yield context.call_entity(counter, "divide")
    except Exception as error:  # noqa: BLE001  what the SDK raises
        failed = str(error)
    total = yield context.call_entity(counter, "get")
    number = yield context.call_activity("square", total)
    return [total, number, failed]


@durable.entity_trigger(context_name="context")
def counter(context: df.DurableEntityContext) -> None:
    value = context.get_state(lambda: 0)
    if context.operation_name == "add":
        value += context.get_input()
        context.set_state(value)
    elif context.operation_name == "get":
        context.set_result(value)
    else:
        raise ValueError(f"no operation {context.operation_name}")


app.register_functions(durable)
