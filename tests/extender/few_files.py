"""
A process with a low limit on open files that listens as the extender, and asks itself for votes all at once.

``python -m tests.extender.few_files DIRECTORY SOFT HARD CALLS`` prints how many calls waited together and were answered. Both ends of
each connection are in this process, so a call takes two open files.
"""

import asyncio
import resource
import ssl
import sys
from pathlib import Path

from scheduler.config import ExtenderSettings, LogSettings
from scheduler.extender import pki, server
from scheduler.extender.app import make
from scheduler.telemetry import logs
from tests.extender.test_app import Planner

SETTINGS = ExtenderSettings(port=0)


async def main(directory: Path, calls: int) -> int:
    """Return how many calls were answered, after as many as `calls` waited together."""
    keys = pki.make(directory, SETTINGS.host)
    trust = ssl.create_default_context(cafile=str(keys.authority))
    trust.load_cert_chain(keys.client_certificate, keys.client_key)
    planner = Planner()
    async with server.serve(make(planner, SETTINGS, ("tutti",)), SETTINGS, keys) as address:
        asking = [asyncio.create_task(vote(address, trust, number)) for number in range(calls)]
        while len(planner.votes) < calls:
            await asyncio.sleep(0.01)
        for vote_of_one in planner.votes.values():
            vote_of_one.set_result(None)
        return sum(await asyncio.gather(*asking))


async def vote(address: server.Address, trust: ssl.SSLContext, number: int) -> bool:
    """Vote over a connection of its own, as kube-scheduler does; return whether the answer was that the member is bound."""
    reader, writer = await asyncio.open_connection(address.host, address.port, ssl=trust)
    body = b'{"PodName":"m","PodNamespace":"a","PodUID":"u%d","Node":"n"}' % number
    head = b"POST /bind HTTP/1.1\r\nHost: extender\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    writer.write(head % len(body) + body)
    answer = await reader.read()
    writer.close()
    return answer.startswith(b"HTTP/1.1 200") and answer.endswith(b'{"Error":""}')


if __name__ == "__main__":
    soft, hard, calls = map(int, sys.argv[2:5])
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    logs.configure(LogSettings(format="json"))
    sys.stdout.write(f"{asyncio.run(main(Path(sys.argv[1]), calls))}\n")
