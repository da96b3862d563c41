#!/usr/bin/env python3
"""Cuts the power under load, again and again, and counts what was acknowledged and is not there.

A killed process leaves its writes in the page cache, so `kill -9` cannot tell a store that syncs
from one that does not. This can: the data lies on an ext4 file system of its own, in a file, and
the power cut is the kernel's (FS_IOC_SHUTDOWN, without flushing its log): from that moment nothing
reaches the file any more, and what was not synced is gone when it is mounted again.

Needs root (it mounts), and the release build. About a second per cut:

    sudo scripts/power_cut.py target/release/posthaste 20
"""

import fcntl
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "phk_powercutpowercutpowercutpowercut"
FS_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = (2).to_bytes(4, "little")
PRODUCERS = 8
ARRIVE_WITHIN_S = 60


class Journal:
    """What was acknowledged, and what arrived how often."""

    def __init__(self):
        self.lock = threading.Lock()
        self.next = 0
        self.acknowledged = []
        self.arrived = {}

    def number(self):
        with self.lock:
            self.next += 1
            return self.next

    def arrive(self, number):
        with self.lock:
            self.arrived[number] = self.arrived.get(number, 0) + 1

    def missing(self):
        with self.lock:
            return [number for number in self.acknowledged if number not in self.arrived]


def receiver(journal):
    class Receiver(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            journal.arrive(body["data"]["number"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_):
            """Connections that end with the sender are what this is about."""

    server = Server(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/hook"


def call(connection, method, path, body=None):
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    connection.request(method, path, body and json.dumps(body), headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def start(binary, folder):
    command = [binary, "serve", "--listen", "127.0.0.1:0", "--egress-allow", "127.0.0.1"]
    process = subprocess.Popen(
        command + ["--data", f"{folder}/data"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "POSTHASTE_API_KEY": KEY},
    )
    for line in process.stdout:
        if line.startswith("listening on http://"):
            return process, line.split("//")[1].strip()
    sys.exit("the server did not start")


def produce(address, journal, stopped):
    connection = http.client.HTTPConnection(address)
    while not stopped.is_set():
        number = journal.number()
        event = {"event": "call.ended", "data": {"number": number}}
        try:
            status, _ = call(connection, "POST", "/v1/events", event)
        except (OSError, http.client.HTTPException):
            return
        if status != 202:
            return
        journal.acknowledged.append(number)


def one_life(binary, folder, journal, url, seconds):
    """From start to power cut."""
    process, address = start(binary, folder)
    if url:
        webhook = {"title": "Journal", "url": url, "events": ["*"]}
        status, answer = call(http.client.HTTPConnection(address), "POST", "/v1/webhooks", webhook)
        assert status == 201, answer
    stopped = threading.Event()
    threads = [
        threading.Thread(target=produce, args=(address, journal, stopped))
        for _ in range(PRODUCERS)
    ]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    mounted = os.open(folder, os.O_RDONLY)
    fcntl.ioctl(mounted, FS_IOC_SHUTDOWN, NO_LOG_FLUSH)
    process.kill()
    process.wait()
    stopped.set()
    for thread in threads:
        thread.join()
    os.close(mounted)


def main(binary, cuts):
    journal = Journal()
    url = receiver(journal)
    with tempfile.TemporaryDirectory() as work:
        image, folder = f"{work}/disk", f"{work}/mounted"
        os.mkdir(folder)
        subprocess.run(["truncate", "-s", "1G", image], check=True)
        subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
        for cut in range(cuts):
            subprocess.run(["mount", "-o", "loop", image, folder], check=True)
            # Lives of different length end before, during and after commits and checkpoints.
            one_life(binary, folder, journal, url if cut == 0 else None, 0.4 + 0.07 * (cut % 20))
            subprocess.run(["umount", folder], check=True)
            print(f"{cut + 1} of {cuts}: {len(journal.acknowledged)} acknowledged", file=sys.stderr)
        subprocess.run(["mount", "-o", "loop", image, folder], check=True)
        process, _ = start(binary, folder)
        deadline = time.monotonic() + ARRIVE_WITHIN_S
        while journal.missing() and time.monotonic() < deadline:
            time.sleep(0.1)
        process.terminate()
        process.wait()
        subprocess.run(["umount", folder], check=True)
    lost = len(journal.missing())
    twice = sum(journal.arrived.values()) - len(journal.arrived)
    print(
        f"{cuts} power cuts, {len(journal.acknowledged)} acknowledged, {lost} lost, {twice} sent twice"
    )
    return 1 if lost else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
