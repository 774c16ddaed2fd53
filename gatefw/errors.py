"""Errors by who must act: a stable machine code and one sentence that says what to do.

`CredentialError` is the visitor's code, `DeviceFault` hardware, `SettingsError` the technician's file,
`TrustError` lists and keys, `StoreError` the card. Each is also the nearest builtin.
"""


class GatefwError(Exception):
    """Base of all our errors: `code` is stable and machine-readable, `str()` is one sentence for a person."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class CredentialError(GatefwError, ValueError):
    """A visitor's code that can't be accepted; never leaves `credentials` (it becomes a Refusal there)."""


class DeviceFault(GatefwError, OSError):
    """A device that does not do what it should. `code` is the fault's name in telemetry."""

    def __str__(self) -> str:
        return str(self.args[0])


class SettingsError(GatefwError, ValueError):
    """A settings or scenario file that can't be used; names file, key and remedy."""


class TrustError(GatefwError, ValueError):
    """A trust folder, list or key that can't be used; names the file."""


class StoreError(GatefwError, OSError):
    """The card refused to keep what it was given: nobody may be admitted on it."""

    def __str__(self) -> str:
        return str(self.args[0])
