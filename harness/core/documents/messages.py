"""pydantic's errors in the harness's words, at their place in the file."""

from __future__ import annotations

import types
import typing
from typing import Any, Union

from pydantic import BaseModel, ValidationError

from harness.core.documents.source import Document, Path
from harness.core.documents.values import found
from harness.core.registry import nearest


def complain(document: Document, model: type[BaseModel], prefix: Path, error: ValidationError) -> None:
    """Note every error of ``error``, met while reading the values at ``prefix`` as ``model``."""
    for each in error.errors(include_url=False, include_context=True):
        path = _path(document, prefix, each["loc"])
        kind = each["type"]
        if kind == "extra_forbidden":
            known = _keys_at(model, each["loc"][:-1])
            document.complain(path, f"unknown key {path[-1]!r}; {nearest(str(path[-1]), known)}", at_key=True)
        elif kind == "missing":
            document.complain(path[:-1], f"missing key {path[-1]!r}")
        elif kind == "value_error":
            document.complain(path, str(each["ctx"]["error"]))
        elif kind == "literal_error":
            _complain_literal(document, path, str(each["ctx"]["expected"]), each["input"])
        elif kind == "string_pattern_mismatch":
            document.complain(
                path, f"expected a plain name in small letters, never a path or a module, found {found(each['input'])}"
            )
        elif kind in ("model_type", "dict_type", "model_attributes_type"):
            document.complain(path, f"expected keys and values, found {found(each['input'])}")
        elif kind == "list_type":
            document.complain(path, f"expected a list, found {found(each['input'])}")
        else:
            document.complain(path, f"{each['msg'][:1].lower()}{each['msg'][1:]}, found {found(each['input'])}")


def _complain_literal(document: Document, path: Path, expected: str, value: object) -> None:
    names = [name.strip().strip("'") for name in expected.replace(" or ", ", ").split(",")]
    hint = nearest(value, names) if isinstance(value, str) else ""
    hint = f"; {hint}" if hint.startswith("did you mean") else ""  # the list of names is there already
    document.complain(path, f"expected one of {', '.join(names)}, found {found(value)}{hint}")


def _path(document: Document, prefix: Path, location: tuple[int | str, ...]) -> Path:
    """``location`` as a path in the file: pydantic also names the members of unions, which no file has."""
    path = prefix
    for number, part in enumerate(location):
        if (*path, part) in document.places or number == len(location) - 1:
            path = (*path, part)
    return path


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Names of the keys that are known at ``location`` below ``model``."""
    here: Any = model
    for part in location:
        for candidate in _models_in(here):
            if isinstance(part, str) and part in candidate.model_fields:
                here = candidate.model_fields[part].annotation
                break
    keys: list[str] = []
    for candidate in _models_in(here):
        keys += [each.alias or name for name, each in candidate.model_fields.items()]
    return keys


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models inside an annotation such as ``dict[str, Volume] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    origin = typing.get_origin(annotation)
    if origin in (Union, types.UnionType, dict, list, typing.Annotated):
        return [model for argument in typing.get_args(annotation) for model in _models_in(argument)]
    return []
