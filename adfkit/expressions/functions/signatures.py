"""How a function is declared: its name, what it takes, and the words in which Azure complains.

A declaration reads like the message it leads to, for instance
"The function 'join' expects `usage`. The function was invoked with '1' parameter(s)." and
"The function 'join' expects `parameter.wording`. The provided value is of type 'Null'."
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adfkit.expressions.errors import EvaluationError
from adfkit.expressions.scope import Scope
from adfkit.expressions.values import Value, type_name

STRING = frozenset({"String"})
INTEGER = frozenset({"Integer"})
NUMBER = frozenset({"Integer", "Float"})
BOOLEAN = frozenset({"Boolean"})
ARRAY = frozenset({"Array"})
OBJECT = frozenset({"Object"})

REFERENCE = "https://learn.microsoft.com/azure/data-factory/control-flow-expression-language-functions"


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of a function: its name as written, and the scope around it."""

    name: str
    scope: Scope

    def error(self, problem: str) -> EvaluationError:
        """An error whose text is "The function '<name>' <problem>"."""
        return EvaluationError(f"The function '{self.name}' {problem}")

    def require(self, parameter: Parameter, argument: Value) -> None:
        """Raises EvaluationError if the argument isn't of a type that the parameter takes."""
        found = type_name(argument)
        if found not in parameter.types:
            raise self.error(f"expects {parameter.wording}. The provided value is of type '{found}'.")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: the types that it takes, and what follows "expects" when the type is another.

    A `late` one isn't checked before the call: the implementation does it by `Invocation.require`, where Azure looks at
    the values of other arguments first.
    """

    types: frozenset[str]
    wording: str
    late: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language. `implementation` gets the invocation, then values, or thunks where it is `lazy`.

    `maximum` is None where any number of arguments may follow. `usage` is what follows "expects" when their number is
    wrong, `counted` the word that the message ends with.
    """

    name: str
    category: str
    minimum: int
    maximum: int | None
    usage: str
    parameters: tuple[Parameter, ...]
    implementation: Callable[..., Value]
    lazy: bool = False
    counted: str = "parameter(s)"
    arity_message: str = ""

    def accepts(self, count: int) -> bool:
        """Whether the function can be called with that many arguments."""
        return count >= self.minimum and (self.maximum is None or count <= self.maximum)

    def arity_error(self, name: str, count: int) -> str:
        """What Azure says when the number of arguments is wrong."""
        if self.arity_message:
            return self.arity_message.format(name=name, count=count)
        invoked = f"'{count}' {self.counted}"
        if self.maximum is None and count == 0 and self.counted == "no parameters":
            invoked = "no parameters"
        return f"The function '{name}' expects {self.usage}. The function was invoked with {invoked}."

    def call(self, invocation: Invocation, arguments: tuple[Value, ...]) -> Value:
        """The function's value; raises EvaluationError where an argument has the wrong type."""
        for parameter, argument in zip(self.parameters, arguments, strict=False):
            if not parameter.late:
                invocation.require(parameter, argument)
        return self.implementation(invocation, *arguments)


class Registry:
    """Functions by name, without regard to case."""

    def __init__(self) -> None:
        self._functions: dict[str, Function] = {}

    def find(self, name: str) -> Function | None:
        return self._functions.get(name.lower())

    def all(self) -> tuple[Function, ...]:
        """Every function in the order of declaration."""
        return tuple(self._functions.values())

    def add(self, function: Function) -> None:
        if function.name.lower() in self._functions:
            raise ValueError(f"the function '{function.name}' is declared twice")
        self._functions[function.name.lower()] = function

    def category(self, category: str) -> Declare:
        """The decorator for the functions of a category."""
        return Declare(self, category)


class Declare:
    """Declares the decorated function; see `Function` for the arguments."""

    def __init__(self, registry: Registry, category: str) -> None:
        self._registry = registry
        self._category = category

    def __call__(
        self,
        name: str,
        arity: int | tuple[int, int | None],
        usage: str,
        *parameters: Parameter,
        lazy: bool = False,
        counted: str = "parameter(s)",
        arity_message: str = "",
    ) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
        minimum, maximum = (arity, arity) if isinstance(arity, int) else arity

        def register(implementation: Callable[..., Value]) -> Callable[..., Value]:
            self._registry.add(
                Function(
                    name,
                    self._category,
                    minimum,
                    maximum,
                    usage,
                    parameters,
                    implementation,
                    lazy,
                    counted,
                    arity_message,
                )
            )
            return implementation

        return register


REGISTRY = Registry()
