"""What must survive a power cut: grants, spent codes, the events for ops, and files replaced whole.

The only room that speaks SQLite and the only one that replaces a file. `database` holds the
transactions (`opening` and `schema` below it), `drain` is the link's view of the events, `recorder` the thread in
front, `files` keeps whole files and folders.
"""

from gatefw.store.database import Memory, Store, Unfinished
from gatefw.store.drain import Drain, Row
from gatefw.store.files import read_trust, replace_file, site_secret
from gatefw.store.recorder import CommitTimes, Recorder

__all__ = [
    "CommitTimes",
    "Drain",
    "Memory",
    "Recorder",
    "Row",
    "Store",
    "Unfinished",
    "read_trust",
    "replace_file",
    "site_secret",
]
