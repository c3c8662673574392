"""`openwa`: serve, and the few things one does from a terminal."""

import argparse
import gc
import json
import logging
import os
import shlex
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

from gateway import __version__, config, logs
from storage import StorageError
from storage.files import private_directory
from storage.sole import sole

log = logging.getLogger("openwa")
_PATIENCE = 10_000  # milliseconds for PostgreSQL to notice that a killed gateway is gone
_HERE = ("127.0.0.1", "0.0.0.0", "::", "::1")  # noqa: S104 - compared, not bound


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit status."""
    args = _parser().parse_args(argv)
    try:
        settings = config.load()
    except config.BadConfig as error:
        print(f"openwa: these variables make no sense:\n{error}", file=sys.stderr)
        return 2
    logs.configure(settings.log_level, settings.log_format)
    for name in config.unknown():
        log.warning("%s is no variable of this gateway; is it misspelt?", name)
    try:
        return int(args.run(settings, args))
    except (StorageError, config.BadConfig, OSError) as error:
        print(f"openwa: {error}", file=sys.stderr)
        return 1


def serve(settings: config.Config, _args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT, then finish what is in flight."""
    private_directory(settings.data_dir)
    with sole(settings.data_dir, settings.database, _PATIENCE):
        return _serve(settings)


def _serve(settings: config.Config) -> int:
    # connexion takes it well where aiohttp, for a server that we do not run, cannot be imported; it is a sixth of
    # our start-up and eight megabytes.
    sys.modules.setdefault("aiohttp", None)  # type: ignore[arg-type]
    from gateway.program import Program  # noqa: PLC0415 - half a second that the other commands need not pay
    from gateway.server import Server  # noqa: PLC0415
    from gateway.terminal import Terminal  # noqa: PLC0415

    real_codes = settings.engine_type == "whatsmeow" and sys.stdout.isatty()  # a simulated phone scans by itself
    program = Program(settings, show=Terminal(sys.stdout).show if real_codes else None)
    try:
        server = Server(program.app, settings)
    except (OSError, ValueError) as error:  # ValueError is waitress' word for a host without an address
        reason = getattr(error, "strerror", None) or error
        raise OSError(f"cannot listen on {settings.host}:{settings.port}: {reason}") from error
    told = _signals()
    program.start()
    gc.freeze()  # the document and its validators live as long as we do: no collection need look at them again
    threading.Thread(target=server.serve, name="http", daemon=True).start()
    _banner(settings, server.port, program.first_key)
    os.read(told, 1)
    program.drain()
    finished = server.drain(settings.shutdown_delay / 1000)
    program.stop()
    log.info("stopped" if finished else "stopped with requests still in flight")
    return 0 if finished else 1


def _signals() -> int:
    """A file to read from: a byte comes with SIGTERM or SIGINT.

    A lock would not do. A signal that comes as the main thread begins to wait, or comes to another thread, does not
    wake it; and an Event that is set by a handler may be in use where it was interrupted.
    """
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    return readable


def link(settings: config.Config, args: argparse.Namespace) -> int:
    """Make a session, start it and link a phone to it."""
    from gateway.link import Api, Unlinked, link  # noqa: PLC0415

    try:
        link(Api(settings), args.name, args.phone, sys.stdout)
    except Unlinked as error:
        print(f"openwa: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"'{args.name}' goes on waiting in the gateway.", file=sys.stderr)
        return 130
    return 0


def show_config(settings: config.Config, _args: argparse.Namespace) -> int:
    """Print every variable with its effective value, secrets masked."""
    for name, value in config.effective(settings).items():
        print(f"{name}={value}")
    return 0


def show_spec(_settings: config.Config, args: argparse.Namespace) -> int:
    """Print the API document, or something made of it."""
    from gateway import document, postman, published  # noqa: PLC0415

    bundled = document.bundle()
    match args.format:
        case "postman":
            body = postman.collection(bundled)
        case "html":
            body = published.whole_page(bundled)
        case _:
            body = published.Published(bundled).openapi(args.format).body
    sys.stdout.buffer.write(body)
    return 0


def keys(settings: config.Config, args: argparse.Namespace) -> int:
    """List, create or revoke API keys in the database itself, with no key at hand."""
    from gateway.program import open_database, wall_clock  # noqa: PLC0415
    from handlers.shapes import api_key  # noqa: PLC0415
    from storage import api_keys  # noqa: PLC0415

    db = open_database(settings)
    shown: Any
    with db.write() as tx:
        if args.action == "list":
            shown = [api_key(row) for row in api_keys.page(tx, 1000, 0)]
        elif args.action == "create":
            secret = api_keys.new_secret()
            row = api_keys.create(
                tx, {"name": args.name, "role": args.role}, secret, settings.api_key_pepper, wall_clock()
            )
            shown = {**api_key(row), "apiKey": secret}
        else:
            shown = api_key(api_keys.change(tx, args.id, {"is_active": False}, wall_clock()))
    print(json.dumps(shown, indent=2))
    return 0


def export(settings: config.Config, args: argparse.Namespace) -> int:
    """Write the whole database to a file."""
    from gateway import transfers  # noqa: PLC0415

    return transfers.export(settings, args)


def load(settings: config.Config, args: argparse.Namespace) -> int:
    """Read the whole database from a file."""
    from gateway import transfers  # noqa: PLC0415

    return transfers.load(settings, args)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="openwa", description="Self-hosted WhatsApp HTTP gateway")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("serve", help="run the gateway").set_defaults(run=serve)
    linking = commands.add_parser("link", help="make a session of the running gateway and link a phone to it")
    linking.add_argument("name", help="the session's name, such as my-bot")
    linking.add_argument(
        "--phone", metavar="DIGITS", help="show a code to type on this number's phone, not one to scan"
    )
    linking.set_defaults(run=link)
    commands.add_parser("config", help="print the effective configuration").set_defaults(run=show_config)
    spec = commands.add_parser("spec", help="print the API document")
    spec.add_argument(
        "--format",
        choices=["json", "yaml", "postman", "html"],
        default="json",
        help="the document itself, a Postman collection, or a page that needs no network (default: json)",
    )
    spec.set_defaults(run=show_spec)
    _add_transfers(commands)
    key = commands.add_parser("keys", help="list, create or revoke API keys")
    key.set_defaults(run=keys)
    actions = key.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="all keys, newest first")
    create = actions.add_parser("create", help="make a key and print it, this once")
    create.add_argument("name", type=_name)
    create.add_argument("--role", choices=["viewer", "operator", "admin"], default="operator")
    revoke = actions.add_parser("revoke", help="stop a key from working")
    revoke.add_argument("id")
    return parser


def _add_transfers(commands: Any) -> None:
    out = commands.add_parser("export", help="write the whole database to a file")
    out.set_defaults(run=export)
    into = commands.add_parser("import", help="read the whole database from such a file; stop the gateway first")
    into.set_defaults(run=load)
    into.add_argument("--replace", action="store_true", help="whatever the database holds gives way")
    for one in (out, into):
        one.add_argument("file", help="JSON lines; packed where the name ends in .gz")
        one.add_argument("--passphrase-file", help="seals API keys and secrets; without it they are left out")


def _name(text: str) -> str:
    if not 3 <= len(text) <= 100:
        raise argparse.ArgumentTypeError("a name has 3 to 100 characters")
    return text


def _banner(settings: config.Config, port: int, first_key: str | None) -> None:
    """Say where the gateway is and how to send a first message; the key itself only in the run that made it."""
    host = "localhost" if settings.host in _HERE else settings.host
    host = f"[{host}]" if ":" in host else host
    api = (settings.base_url.rstrip("/") or f"http://{host}:{port}") + "/api"
    file = settings.data_dir.absolute() / ".api-key"
    key = f"$(cat {shlex.quote(str(file))})" if file.exists() else "YOUR_API_KEY"
    print(f"OpenWA Gateway {__version__} ({settings.engine_type}) on {api}")
    if first_key:
        print(f"Admin key, shown this once and kept in {file}: {first_key}")
    if settings.engine_type == "whatsmeow":
        print("To link a number, in another terminal: openwa link NAME\n", flush=True)
        return
    print("To send a first message, paste this line into another terminal:\n")
    print(f'  S={api}/sessions K="X-API-Key: {key}" {_FIRST_MESSAGE}\n', flush=True)


# Makes a session, starts it, waits until it is linked (or an error says why not) and sends; harmless when repeated.
_FIRST_MESSAGE = """\
J="Content-Type: application/json"; \
curl -sSo /dev/null $S -H "$K" -H "$J" -d '{"name": "my-bot"}'; \
curl -sSo /dev/null -X POST $S/my-bot/start -H "$K"; \
until curl -sS $S/my-bot -H "$K" | grep -qE '"(ready|statusCode)"'; do sleep 1; done; \
curl -sS $S/my-bot/messages/send-text -H "$K" -H "$J" \
-d '{"chatId": "628123456789@c.us", "text": "Hello from OpenWA!"}'; echo"""


if __name__ == "__main__":
    sys.exit(main())
