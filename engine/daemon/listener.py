"""POST /v1/events/NAME: what is configured to be told there, by whom, and what may come of it."""

from __future__ import annotations

import math
from collections.abc import Collection

from engine.daemon.access import bearer
from engine.daemon.allowance import Allowance
from engine.daemon.http_head import Head, Response, json_response, refusal
from engine.daemon.intake import Intake, UnroutedError
from engine.daemon.listener_settings import SIGNED, ListenerSettings
from engine.daemon.readers import Reader
from engine.errors import BacklogError, CallError, InboxFullError, NoSpaceError, TooManyRowsError
from engine.notifications import NotificationError, UntrustedError

PREFIX = "/v1/events/"
NO_SPACE_RETRY_S = 10


class Listener:
    """An endpoint. It answers 202 when what was sent is durable."""

    methods: Collection[str] = ("POST",)
    vouched: bool  # by a token, or by being on this machine; a signature is only looked at with the body

    def __init__(self, settings: ListenerSettings, read: Reader, intake: Intake) -> None:
        self.vouched = settings.format not in SIGNED
        self._settings = settings
        self._read = read
        self._intake = intake
        self._allowance = Allowance(settings.rate)

    def admit(self, head: Head) -> Response | None:
        tokens, header = self._settings.tokens, self._settings.header
        if not tokens:
            # Any page that a browser on this machine shows could send something here; the browser tells whose it is.
            browser = "origin" in head.headers
            return refusal(403, "nothing is taken from a browser without a token") if browser else self._too_often()
        token = bearer(head.headers) if header == "authorization" else head.headers.get(header, "")
        if tokens.match(token):
            return self._too_often()
        return refusal(401, "a token is needed, and this is none", ("WWW-Authenticate", "Bearer"))

    def _too_often(self) -> Response | None:
        if wait_s := self._allowance.take():
            return refusal(429, "more than this listener's rate", ("Retry-After", str(math.ceil(wait_s))))
        return None

    async def answer(self, head: Head, body: bytes) -> Response:
        try:
            events = await self._read(head, body)
            taken = await self._intake.take(self._settings.name, events, self._settings.routes)
        except UntrustedError as error:
            return refusal(403, str(error))
        except NotificationError as error:
            return refusal(400, str(error))
        except UnroutedError as error:
            return refusal(422, str(error))
        except TooManyRowsError as error:
            return refusal(413, str(error))
        except InboxFullError as error:
            return refusal(429, str(error), ("Retry-After", f"{error.retry_after_s:.0f}"))
        except NoSpaceError as error:
            return refusal(507, str(error), ("Retry-After", str(NO_SPACE_RETRY_S)))
        except (BacklogError, CallError) as error:
            return refusal(503, str(error), ("Retry-After", str(NO_SPACE_RETRY_S)))
        return json_response(202, taken._asdict())
