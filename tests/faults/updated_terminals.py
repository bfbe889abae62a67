"""Terminals with a release before them that is not as it should be, or with none."""

from dataclasses import replace

from harness.contract import Action, Outcome, Refused
from harness.terminals.reference.terminal import ReferenceTerminal


class Reluctant(ReferenceTerminal):
    """The release before it wants to be asked twice."""

    manifest = replace(ReferenceTerminal.manifest, previous=":Asked")


class Asked(ReferenceTerminal):
    """Refuses the first time."""

    manifest = replace(ReferenceTerminal.manifest, version="0", previous="")
    refused = False

    def update(self, action: Action) -> Outcome:
        if not self.refused:
            self.refused = True
            return Refused("busy")
        return super().update(action)


class FirstEver(ReferenceTerminal):
    """There is no release before it, and nobody is asked."""

    manifest = replace(ReferenceTerminal.manifest, previous="", actions=ReferenceTerminal.manifest.actions - {"update"})


class Lost(ReferenceTerminal):
    """Names a release that does not exist."""

    manifest = replace(ReferenceTerminal.manifest, previous=":Nobody")
