"""What a code says, and whether it is true. Pure: bytes, trusted keys and the time come in, a value goes out."""

from gatefw.credentials.formats import examine
from gatefw.credentials.trust import TrustStore

__all__ = ["TrustStore", "examine"]
