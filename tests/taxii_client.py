"""Drives a TAXII 2.1 server with the reference client, as other programs do that are built on it.

    taxii_client.py URL USERNAME PASSWORD poll [--limit N] [--collection TITLE] [--type TYPE]
    taxii_client.py URL USERNAME PASSWORD post FILE [--collection TITLE]
    taxii_client.py URL USERNAME PASSWORD object ID
    taxii_client.py URL USERNAME PASSWORD versions ID
    taxii_client.py URL USERNAME PASSWORD delete ID
    taxii_client.py URL USERNAME PASSWORD manifest [--limit N]

URL is the discovery address. Prints one JSON text: a list of objects or manifest records, or a
status. Ends with 1 and a line on standard error where the client raises.
"""

import argparse
import json
import sys

from taxii2client.v21 import Server, as_pages


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("username")
    parser.add_argument("password")
    parser.add_argument("--collection", default="exchange", help="title or alias")
    commands = parser.add_subparsers(dest="command", required=True)
    poll = commands.add_parser("poll")
    poll.add_argument("--limit", type=int, default=100)
    poll.add_argument("--type")
    poll.add_argument("--collection", default=argparse.SUPPRESS)
    post = commands.add_parser("post")
    post.add_argument("file")
    post.add_argument("--collection", default=argparse.SUPPRESS)
    for name in ("object", "versions", "delete"):
        one = commands.add_parser(name)
        one.add_argument("id")
    manifest = commands.add_parser("manifest")
    manifest.add_argument("--limit", type=int, default=100)
    return parser.parse_args()


def pages(function, limit, **filters):
    """All items, and a stop where a page brings nothing new: this client then asks for ever."""
    items, cursors = [], set()
    for page in as_pages(function, per_request=limit, **filters):
        items.extend(page.get("objects", []))
        cursor = page.get("next")
        if page.get("more") and (not cursor or cursor in cursors or not page.get("objects")):
            raise RuntimeError("a page says more follows, and leads nowhere")
        cursors.add(cursor)
    return items


def run(options):
    server = Server(options.url, user=options.username, password=options.password)
    root = server.default
    wanted = options.collection.lower()
    collection = next(
        known for known in root.collections if wanted in (known.title.lower(), known.alias)
    )
    if options.command == "poll":
        filters = {"type": options.type} if options.type else {}
        return pages(collection.get_objects, options.limit, **filters)
    if options.command == "manifest":
        return pages(collection.get_manifest, options.limit)
    if options.command == "object":
        return collection.get_object(options.id).get("objects", [])
    if options.command == "versions":
        return collection.object_versions(options.id).get("versions", [])
    if options.command == "delete":
        collection.delete_object(options.id)
        return None
    with open(options.file, "rb") as file:
        status = collection.add_objects(file.read(), wait_for_completion=True)
    # Asked for again by its id, as a client does that does not trust the first answer.
    return root.get_status(status.id)._raw


def main():
    try:
        result = run(arguments())
    except Exception as error:  # whatever the client raises is the finding
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    json.dump(result, sys.stdout, ensure_ascii=False)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
