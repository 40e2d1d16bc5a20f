"""The options of `spine-alignment node`; light, since the parser of every command is made of them too."""

import argparse
import ipaddress
from typing import TYPE_CHECKING

from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.option_values import count, named, port, title

if TYPE_CHECKING:
    from SpineAlignmentLib.dicom.node import NodeSettings, Peer


def add_options(node: argparse.ArgumentParser) -> None:
    """The options of the command."""
    node.add_argument("--folder", required=True, type=named, metavar="DIR", help="keeps films and results on their way")
    node.add_argument("--send-to", required=True, type=_peer, metavar="TITLE@HOST:PORT", help="takes the results")
    node.add_argument("--aet", type=title, default="SPINE", metavar="TITLE", help="own title")
    node.add_argument("--host", default="127.0.0.1", help="address to listen on; others than loopback need --allow")
    node.add_argument("--port", type=port, default=11112)
    node.add_argument(
        "--allow", type=title, action="append", default=[], metavar="TITLE", help="a peer that may send; repeatable"
    )
    node.add_argument("--capture", action="store_true", help="send the picture of each film too")
    node.add_argument("--watch", type=named, metavar="DIR", help="take films from this folder too")
    node.add_argument("--tls", nargs=3, type=named, metavar=("CERT", "KEY", "CA"), help="encrypt, with certificates")
    node.add_argument(
        "--models", type=named, metavar="DIR", help="folder with ensemble.json; the shipped one if absent"
    )
    node.add_argument("--workers", type=count, default=1, metavar="N", help="films done at a time")


def settings(options: argparse.Namespace) -> "NodeSettings":
    """What the options say.

    Raises:
        SpineAlignmentError: a node that anybody could send to, or no folder to watch.
    """
    from SpineAlignmentLib.dicom.node import NodeSettings, Tls

    if not options.allow and not _loopback(options.host):
        raise SpineAlignmentError(f"{options.host} is open to others: name those who may send with --allow")
    if options.watch is not None and not options.watch.is_dir():
        raise SpineAlignmentError(f"{options.watch}: no such folder to watch")
    return NodeSettings(
        options.folder,
        options.send_to,
        options.aet,
        options.host,
        options.port,
        tuple(options.allow),
        options.watch,
        None if options.tls is None else Tls(*options.tls),
        options.models,
        options.workers,
        options.capture,
    )


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _peer(text: str) -> "Peer":
    from SpineAlignmentLib.dicom.node import Peer

    try:
        return Peer.parsed(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
