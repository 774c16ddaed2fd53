"""Why a code is not accepted, raised deep in a parser and turned into a `Refusal` by `formats.examine`."""

from gatefw.errors import CredentialError
from gatefw.model import Reason, Stage


class RejectionError(CredentialError):
    """A code failed at `stage` for `reason`. The sentence is for technicians and names no person."""

    def __init__(self, stage: Stage, reason: Reason, sentence: str) -> None:
        super().__init__(reason.value, sentence)
        self.stage = stage
        self.reason = reason
