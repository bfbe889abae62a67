"""The JSON schema (draft 7) of scenario files: what editors complete from and show on hover.

Made from the models and the fault registry, so that a fault registered in one file is in it. ``python -m
harness.scenario.schema`` writes it; a test fails when the file in scenarios/_schema is stale.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.faults.base import families
from harness.scenario import registries
from harness.scenario.campaign import NONE, PHASES
from harness.scenario.campaign_file import AS_IS, CampaignModel
from harness.scenario.find import scenarios_root
from harness.scenario.model import Scenario, fault_model

SCHEMA_FILE = Path("_schema", "scenario.schema.json")
CAMPAIGN_SCHEMA_FILE = Path("_schema", "campaign.schema.json")


def scenario_schema() -> dict[str, Any]:
    """The whole schema."""
    schema = Scenario.model_json_schema(ref_template="#/definitions/{model}")
    definitions: dict[str, Any] = schema.pop("$defs", {})
    kinds: list[dict[str, str]] = []
    for name, cls in registries.faults().items():
        fault = fault_model(name, cls).model_json_schema(ref_template="#/definitions/{model}")
        definitions.update(fault.pop("$defs", {}))
        definitions[f"fault_{name}"] = fault
        kinds.append({"$ref": f"#/definitions/fault_{name}"})
    schema["properties"]["faults"]["items"] = {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": registries.faults().names()}},
        "allOf": [_when(name, reference) for name, reference in zip(registries.faults().names(), kinds, strict=True)],
    }
    schema["properties"]["profile"] = _named(schema["properties"]["profile"], registries.profile_names())
    schema["properties"]["covers"]["items"] = {"enum": list(registries.row_names())}
    schema["definitions"] = _clean(definitions)
    for model, key, names in (
        ("Device", "link", registries.link_names()),
        ("Device", "class", registries.device_class_names()),
        ("VolumePlan", "medium", registries.medium_names()),
        ("VolumePlan", "profile", registries.profile_names()),
    ):
        properties = definitions[model]["properties"]
        properties[key] = _named(properties[key], names)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Scenario of terminal-fault-harness",
        **_clean(schema),
    }


def campaign_schema() -> dict[str, Any]:
    """The schema of campaign files."""
    schema = CampaignModel.model_json_schema(ref_template="#/definitions/{model}")
    definitions: dict[str, Any] = _clean(schema.pop("$defs", {}))
    properties = definitions["MatrixModel"]["properties"]
    faults = registries.faults().names()
    properties["faults"]["items"]["anyOf"] = [
        {"enum": [AS_IS, NONE, *families(), *faults]},
        {"type": "object", "required": ["type"], "properties": {"type": {"enum": faults}}},
    ]
    for key, names in (
        ("profiles", registries.profile_names()),
        ("devices", registries.device_class_names()),
        ("merchants", registries.merchant_names()),
    ):
        properties[key]["items"] = {"enum": [AS_IS, *names]}
    properties["phases"]["items"]["anyOf"][0] = {"enum": list(PHASES)}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Campaign of terminal-fault-harness",
        **_clean(schema),
        "definitions": definitions,
    }


def schema_text(schema: dict[str, Any] | None = None) -> str:
    """The schema of scenarios, or another one, as its file holds it."""
    return json.dumps(schema or scenario_schema(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def write_schema(root: Path | None = None) -> Path:
    """Write the schemas below the scenarios; gives the path of that of scenarios."""
    path = (root or scenarios_root()) / SCHEMA_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(schema_text(), encoding="utf-8")
    path.with_name(CAMPAIGN_SCHEMA_FILE.name).write_text(schema_text(campaign_schema()), encoding="utf-8")
    return path


def _when(name: str, reference: dict[str, str]) -> dict[str, Any]:
    """``if`` the type is this one ``then`` its own keys: an editor then names the one key that is wrong, not all kinds."""
    return {"if": {"properties": {"type": {"const": name}}}, "then": reference}


def _named(property_schema: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {"enum": list(names), "description": property_schema.get("description", "")}


def _clean(value: Any) -> Any:
    """Without pydantic's titles and null alternatives, which only clutter what an editor shows."""
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if not isinstance(value, dict):
        return value
    cleaned = {key: _clean(item) for key, item in value.items() if not (key == "title" and isinstance(item, str))}
    options = cleaned.get("anyOf")
    if isinstance(options, list) and {"type": "null"} in options:
        left = [option for option in options if option != {"type": "null"}]
        del cleaned["anyOf"]
        cleaned = {**left[0], **cleaned} if len(left) == 1 else {**cleaned, "anyOf": left}
        if cleaned.get("default", 0) is None:
            del cleaned["default"]
    return cleaned


if __name__ == "__main__":
    print(write_schema())
