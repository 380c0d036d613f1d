"""The record channel of a service: what it is asked goes into a channel of the datalake too."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from abeja_emulator.errors import NotFound
from abeja_emulator.services.datalake.channels import Channels
from abeja_emulator.services.datalake.files import Files
from abeja_emulator.services.services.rules import Services
from abeja_emulator.serving.conversion import QUERY_TYPE
from abeja_emulator.serving.header_text import octets
from abeja_emulator.serving.process_log import service_log
from abeja_emulator.wire.content import Upload
from abeja_emulator.wire.validation import metadata_of

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform
    from abeja_emulator.services.services.records import Service
    from abeja_emulator.wire.messages import Request

#: Bytes copied at once.
_PIECE = 256 * 1024


class _Record(NamedTuple):
    service: Service
    upload: Upload


class Recorder:
    """Puts the inputs of services into their record channels, one after the other, while they are answered.

    A file has the body of the request, its content type, and the metadata that its `x-abeja-meta-*` headers say, as
    a file has that is uploaded with them; of a GET the query, which is what its handler reads as the body. Documented
    is that inputs are saved to the channel (SDK docstring of create_service). Evidence of their form: inferred.

    An answer neither waits for its record nor depends on it: one that cannot be kept is a line in the service's log.

    Args:
        platform: where channels and services are.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._changed = threading.Condition()
        self._queue: deque[_Record] = deque()
        self._busy = False
        self._thread: threading.Thread | None = None

    def note(self, service: Service, request: Request) -> None:
        """Take a copy of what a service with a record channel is asked; the request stays readable from its start."""
        try:
            record = _Record(service, self._input_of(request))
        except OSError as error:
            self._complain(service, error)
            return
        with self._changed:
            self._queue.append(record)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="abeja-emulator-records", daemon=True)
                self._thread.start()

    def settle(self, timeout: float | None = None) -> bool:
        """Wait until all that was noted is kept, or could not be; return whether that came in so many real seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and not self._busy, timeout)

    def _input_of(self, request: Request) -> Upload:
        metadata = metadata_of(request)
        if request.method == "GET":
            query = octets(request.target.partition("?")[2])
            return Upload(query, len(query), QUERY_TYPE, metadata)
        content_type = request.header("content-type")
        if isinstance(request.body, bytes):
            return Upload(request.body, len(request.body), content_type, metadata)
        spool = self._platform.spool()
        try:
            request.body.seek(0)
            while piece := request.body.read(_PIECE):
                spool.write(piece)
            body, length = spool.finish()
        finally:
            spool.discard()
            request.body.seek(0)
        return Upload(body, length, content_type, metadata)

    def _run(self) -> None:
        """Keep what waits; the thread ends when nothing does."""
        while True:
            with self._changed:
                self._busy = bool(self._queue)
                if not self._queue:
                    self._thread = None
                    self._changed.notify_all()
                    return
                record = self._queue.popleft()
            try:
                self._keep(record)
            except Exception as error:  # noqa: BLE001 - the next one is kept, whatever is wrong with this one
                self._complain(record.service, error)
            finally:
                record.upload.close()

    def _keep(self, record: _Record) -> None:
        service, channel_id = record.service, record.service.record_channel_id
        if channel_id is None or self._platform.closed:
            return
        with self._platform.world.store.transaction():
            try:
                Services(self._platform.world).find(service.service_id)
            except NotFound:
                return  # it was deleted, or belongs to a state that is no more
            Channels(self._platform.world).get(service.organization_id, channel_id)
            Files(self._platform.world).upload(channel_id, record.upload)

    def _complain(self, service: Service, error: Exception) -> None:
        log = service_log(self._platform, service.service_id)
        log.say(f"a request was not recorded in channel {service.record_channel_id}: {error}")
