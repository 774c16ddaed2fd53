"""What must survive a power cut: grants, spent codes, the events for ops, and files replaced whole.

The only room that speaks SQLite and the only one that replaces a file. `database` holds the
transactions (`opening` and `schema` below it), `drain` is the link's view of the events, `recorder` the thread in
front, `absent` stands in for a store that can't be opened, `files` keeps whole files and folders.
"""

from gatefw.store.absent import AbsentStore
from gatefw.store.database import Memory, Store, Unfinished
from gatefw.store.drain import Drain, Row
from gatefw.store.files import SECRET_BYTES, read_trust, replace_file, site_secret
from gatefw.store.recorder import CommitTimes, Recorder

__all__ = [
    "SECRET_BYTES",
    "AbsentStore",
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
