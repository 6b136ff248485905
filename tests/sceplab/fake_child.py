"""A service of a fake lab, started as a child process: ``fake_child.py ca|ldap|routers|... [--dies|...]``."""

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence

from flask import Flask, request

from sceplab.child import announce, wait_for_end
from sceplab.clock import ClockState, LabClock
from sceplab.management import create_management_app
from sceplab.serving import HttpServer


class Service:
    is_steady = True

    def __init__(self, name: str) -> None:
        self.name = name

    def health(self):
        return {"pid": os.getpid()}

    def timers(self):
        return [], 0

    def run_timers(self, after):
        return []


def console() -> Flask:
    """The operators' REST API over six requests, as COMMON's contract has it."""
    app = Flask("console")
    requests = {
        number: {
            "id": number,
            "state": "pending",
            "transaction_id": f"T{number}",
            "subject": f"CN=r{number}",
            "key": "RSA 2048",
            "challenge": "present",
            "polls": 0,
            "received_at": "2026-11-23T12:00:00.000000Z",
            "fingerprints": {"md5": "AAAAAAAA BBBBBBBB"},
        }
        for number in range(1, 7)
    }

    @app.before_request
    def authenticate():
        login = request.authorization
        if not login or (login.username, login.password) != ("operator", "pw"):
            return {"error": {"code": "unauthorized", "message": "who are you?"}}, 401
        return None

    @app.get("/api/requests")
    def show_all():
        state = request.args.get("state")
        return {"requests": [r for r in requests.values() if state in (None, r["state"])]}

    @app.get("/api/requests/<int:number>")
    def show(number):
        if number not in requests:
            return {"error": {"code": "not-found", "message": f"there is no request {number}"}}, 404
        return requests[number]

    @app.post("/api/requests/<int:number>/<any(approve, deny):verb>")
    def decide(number, verb):
        if requests[number]["state"] != "pending":
            return {"error": {"code": "wrong-state", "message": "it is not pending"}}, 409
        state = "issued" if verb == "approve" else "denied"
        requests[number].update(state=state, reason=request.json.get("reason"))
        return requests[number]

    return app


def asked_port(options: Sequence[str], name: str) -> int:
    """Return the port that the command line asks for; 0 takes a free one."""
    return int(options[options.index(name) + 1]) if name in options else 0


def router_port(options: Sequence[str]) -> int:
    """Return where the router r1 would be: nobody listens there."""
    return named_port(options, "--ports") or asked_port(options, "--first-port") or free_port()


def https_port(options: Sequence[str]) -> int:
    """Return where its web server would be."""
    return named_port(options, "--https-ports") or asked_port(options, "--first-https-port") or free_port()


def named_port(options: Sequence[str], name: str) -> int:
    """Return r1's port among those given by name."""
    return (
        int(options[options.index(name) + 1].partition("r1=")[2].partition(",")[0]) if name in options else 0
    )


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def main(name: str, *options: str) -> None:
    if "--dies" in options:
        sys.exit("no database here")
    if "--stubborn" in options:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    servers = []
    if "--silent" not in options:
        clock = LabClock(state=ClockState.from_json(json.loads(os.environ["SCEPLAB_CLOCK"])))
        management = HttpServer(
            create_management_app(Service(name), clock), port=asked_port(options, "--management-port")
        )
        management.start()
        servers.append(management)
        if name == "ca":
            rest = HttpServer(console(), port=asked_port(options, "--console-port"))
            rest.start()
            servers.append(rest)
            operator = {"username": "operator", "password": "pw"}
            scep = f"http://127.0.0.1:{asked_port(options, '--port')}"
            places = {"scep": scep, "ndes": f"{scep}/ndes", "console": rest.url}
            announce({**places, "management": management.url, "operator": operator})
        elif name == "bundles":
            places = {"http": "--port", "https": "--https-port"}
            urls = {
                scheme: f"{scheme}://127.0.0.1:{asked_port(options, option) or free_port()}"
                for scheme, option in places.items()
            }
            announce({**urls, "management": management.url})
        elif name == "ldap":
            announce(
                {"ldap": f"ldap://127.0.0.1:{asked_port(options, '--port')}", "management": management.url}
            )
        else:
            port = int(os.environ.get("FAKE_ROUTER_PORT") or router_port(options))
            router = {"host": "127.0.0.1", "port": port, "username": "admin", "password": "pw"}
            router["https"] = f"https://127.0.0.1:{https_port(options)}"
            announce({"routers": {"r1": router}, "management": management.url})
    print("a line that is no ready line", flush=True)
    if "--stubborn" in options or "--silent" in options:
        while True:
            time.sleep(60)
    if "--dies-later" in options:
        sys.stdin.readline()
        sys.exit("the disk is full")
    wait_for_end()
    for server in servers:
        server.stop()


main(*sys.argv[1:])
