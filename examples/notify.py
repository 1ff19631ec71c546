#!/usr/bin/env python3
"""Fetches a file in the background and is called back: notify.py URL PATH, where the path is absolute.

Needs dbus-fast (pip install dbus-fast) and the service on the session bus (bgcopyd --session).
"""

import asyncio
import sys

from dbus_fast import AuthError, DBusError, ErrorType, InvalidAddressError, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_method

SERVICE = "org.bgcopy"


async def interface(bus, path, name):
    """An interface of one of the service's objects."""
    introspection = await bus.introspect(SERVICE, path)
    return bus.get_proxy_object(SERVICE, path, introspection).get_interface(name)


class Callback(ServiceInterface):
    """The callback object. An exception is an error reply: the service calls again later."""

    def __init__(self, bus):
        super().__init__("org.bgcopy.Callback1")
        self.bus = bus
        self.ended = asyncio.get_running_loop().create_future()

    @dbus_method()
    async def JobTransferred(self, job: "o"):
        await (await interface(self.bus, job, "org.bgcopy.Job1")).call_complete()
        self.end("")

    @dbus_method()
    async def JobError(self, job: "o", error: "o"):
        reason = await interface(self.bus, error, "org.bgcopy.Error1")
        description = await reason.get_description()
        await (await interface(self.bus, job, "org.bgcopy.Job1")).call_cancel()
        self.end(description)

    @dbus_method()
    def JobModification(self, job: "o", reserved: "u"):
        pass

    def end(self, why):
        if not self.ended.done():
            self.ended.set_result(why)


async def main(url, path):
    bus = await MessageBus().connect()
    callback = Callback(bus)
    bus.export("/callback", callback)
    manager = await interface(bus, "/org/bgcopy", "org.bgcopy.Manager1")
    # Made, registered and started by one call: nothing can happen in between.
    options = {"NotifyInterface": Variant("o", "/callback")}
    job = await manager.call_submit_job("bits", "notify.py", options, [[url, path, {}]], True)
    print(job, flush=True)
    return await callback.ended


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: notify.py URL PATH")
    try:
        sys.exit(asyncio.run(main(*sys.argv[1:])) or None)
    except (OSError, InvalidAddressError, AuthError) as error:
        sys.exit(f"notify.py: there is no session bus: {error}")
    except DBusError as error:
        if error.type == ErrorType.SERVICE_UNKNOWN.value:
            sys.exit("notify.py: the service is not on the session bus; start it with `bgcopyd --session`")
        sys.exit(f"notify.py: {error.text}")
