"""Campaign files: which scenarios, varied in which ways, with how many seeds. Data, never code.

Read as scenarios are: every mistake at once, each with its line, what was expected and the nearest name. Which software runs is
left to the command line.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, WithJsonSchema

from harness.core.documents import messages
from harness.core.documents.source import Document, Plain, read_document
from harness.core.documents.values import found
from harness.scenario.kinds import Decimal, Flag, Text, Whole
from harness.scenario.load import read_text
from harness.scenario.model import Model, TriggerModel
from harness.scenario.problems import ScenarioErrors

AS_IS = "as_is"
"""In any axis: what the scenario says itself."""
RUNS_MAX = 1_000_000
_KEYS = "a campaign: keys such as 'name:' and 'matrices:'"


def _fault(value: object) -> object:
    if isinstance(value, str) or (isinstance(value, dict) and isinstance(value.get("type"), str)):
        return value
    raise ValueError(
        f"expected as_is, none, a family, a fault such as power_loss, or one as scenarios write it ({{type: ...}}), "
        f"found {found(value)}"
    )


class PhaseModel(Model):
    """A phase of one's own."""

    name: Text = Field(description="what the results call it")
    at: TriggerModel = Field(description="when it strikes, as in a scenario")


Fault = Annotated[
    Any,
    BeforeValidator(_fault),
    WithJsonSchema({
        "anyOf": [{"type": "string"}, {"type": "object", "required": ["type"]}],
        "description": "as_is, none, a family (of the scenario's own faults this one alone), or a fault to be added",
    }),
]  # fmt: skip


class MatrixModel(Model):
    """One matrix: every scenario, varied in each of the ways that are named."""

    scenarios: list[Text] = Field(description="names, files or folders")
    faults: list[Fault] = Field([AS_IS], description="as_is, none, families, or faults to be added")
    phases: list[Text | PhaseModel] = Field([], description="when the added faults strike")
    profiles: list[Text] = Field([AS_IS], description="what the medium may lose")
    devices: list[Text] = Field([AS_IS], description="device classes")
    merchants: list[Text] = Field([AS_IS], description="kinds of merchant")
    cover: Literal["all_pairs", "full"] = Field("all_pairs", description="every pair of values meets, or all do")
    runs: Whole | None = Field(None, description="seeds of each cell; without it the campaign's")
    days: Whole | None = Field(None, description="trading days instead of the scenario's")
    terminals: Whole | None = Field(None, description="terminals instead of the scenario's")
    sales_per_day: Decimal | None = Field(None, description="sales a terminal and day instead of the scenario's")


class CampaignModel(Model):
    """One campaign file."""

    name: Text = Field(description="what reports call it")
    summary: Text = Field("", description="what it is for, in a sentence")
    runs: Whole = Field(20, description="seeds of each cell")
    first_seed: Whole = Field(1, description="seed of the first run; each next one takes the next")
    swarm: Flag = Field(True, description="whole families of fault are switched off by seed")
    matrices: list[MatrixModel] = Field(description="what is varied")


@dataclass(frozen=True, slots=True)
class Read:
    """A campaign file as it was read. Problems that are found later belong into ``document``."""

    path: Path
    document: Document
    model: CampaignModel

    def settle(self) -> None:
        """Raises ScenarioErrors if any problem was noted."""
        if self.document.problems:
            raise ScenarioErrors(str(self.path), self.document.problems)


def is_campaign(values: Plain) -> bool:
    """Whether these are the keys of a campaign: no scenario has matrices."""
    return isinstance(values, dict) and "matrices" in values


def read_campaign(path: Path) -> Read:
    """The campaign in ``path``. Raises UsageError (there is no such file) or ScenarioErrors (it has not the shape of one)."""
    document = read_document(read_text(path).replace("\r\n", "\n"), path.suffix == ".json", _KEYS)
    model: CampaignModel | None = None
    if document.values or not document.problems:
        try:
            model = CampaignModel.model_validate(document.values)
        except ValidationError as error:
            messages.complain(document, CampaignModel, (), error)
    if document.problems or model is None:
        raise ScenarioErrors(str(path), document.problems)
    _check_amounts(document, model)
    return Read(path, document, model)


def _check_amounts(document: Document, model: CampaignModel) -> None:
    if not model.matrices:
        document.complain(("matrices",), "expected at least one matrix, such as '- {scenarios: [power]}'")
    if not 1 <= model.runs <= RUNS_MAX:
        document.complain(("runs",), f"expected 1 to {RUNS_MAX:,}, found {model.runs}")
    for number, matrix in enumerate(model.matrices):
        if matrix.runs is not None and not 1 <= matrix.runs <= RUNS_MAX:
            document.complain(("matrices", number, "runs"), f"expected 1 to {RUNS_MAX:,}, found {matrix.runs}")
        for key in ("scenarios", "faults", "profiles", "devices", "merchants"):
            if not getattr(matrix, key):
                document.complain(("matrices", number, key), "the list is empty; leave the key out, or name one")
