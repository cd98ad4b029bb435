"""An SMTP server (aiosmtpd) that does what a file tells it, and writes down what it was given.

    mail_server.py PORT FOLDER [starttls|tls|auth]

FOLDER/script: one word a line for each mail that follows: `ok`, `rcpt:NNN`, `data:NNN`, `hang`, `cut`
(takes it all and cuts the line before it answers). FOLDER/mails: a line of JSON for each mail.
"""

import asyncio
import email
import email.policy
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

port, folder = int(sys.argv[1]), sys.argv[2]
mode = sys.argv[3] if len(sys.argv) > 3 else ""
script, mails = os.path.join(folder, "script"), os.path.join(folder, "mails")


def next_word():
    try:
        with open(script) as file:
            words = file.read().split()
    except FileNotFoundError:
        return "ok"
    with open(script, "w") as file:
        file.write("\n".join(words[1:]))
    return words[0] if words else "ok"


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        word = envelope.word = next_word()
        if word.startswith("rcpt:"):
            self.note(server, session, envelope, address, word)
            return word[5:] + " no"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        word = envelope.word
        if word == "hang":
            self.note(server, session, envelope, envelope.rcpt_tos[0], word)
            await asyncio.sleep(3600)
        self.note(server, session, envelope, envelope.rcpt_tos[0], word)
        if word == "cut":
            server.transport.abort()
            await asyncio.sleep(3600)
        if word.startswith("data:"):
            return word[5:] + " no"
        return "250 OK"

    def note(self, server, session, envelope, to, word):
        content = envelope.content or b""
        message = email.message_from_bytes(content, policy=email.policy.default)
        body = message.get_content().replace("\r\n", "\n") if content else ""
        noted = {
            "from": envelope.mail_from,
            "to": to,
            "word": word,
            "tls": session.ssl is not None or mode == "tls",
            "login": bool(session.authenticated),
            "headers": [[name, str(value)] for name, value in message.items()],
            "body": body,
            "raw": content.decode("ascii", "backslashreplace"),
        }
        with open(mails, "a") as file:
            file.write(json.dumps(noted) + "\n")


def authenticate(server, session, envelope, mechanism, data):
    good = data.login == b"hub" and data.password == b"hush"
    return AuthResult(success=good, handled=False)


async def main():
    context = None
    if mode in ("starttls", "tls", "auth"):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem"))
    more = {}
    if mode in ("starttls", "auth"):
        more = {"tls_context": context, "require_starttls": True}
    if mode == "auth":
        more |= {"authenticator": authenticate, "auth_required": True}
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(Handler(), hostname="mail.example", **more),
        "127.0.0.1",
        port,
        ssl=context if mode == "tls" else None,
    )
    await server.serve_forever()


asyncio.run(main())
