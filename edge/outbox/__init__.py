"""Events and media on their way to the server.

`SqliteOutbox` keeps them through a power cut, `PatientOutbox` takes an event even while the disk is full, `ServerLink`
speaks the server's HTTP, `EventSender` and `MediaSender` empty the outbox through it.
"""

from edge.outbox.link import ServerLink
from edge.outbox.patient import PatientOutbox
from edge.outbox.sender import EventSender, MediaSender
from edge.outbox.store import PendingEvent, PendingMedia, SqliteOutbox

__all__ = ["EventSender", "MediaSender", "PatientOutbox", "PendingEvent", "PendingMedia", "ServerLink", "SqliteOutbox"]
