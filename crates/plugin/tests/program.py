#!/usr/bin/env python3
"""A plugin for tests. What it does wrong is said by the name of its file."""

import base64
import hashlib
import http.server
import json
import os
import socketserver
import sys
import tempfile
import time

NAME = os.path.basename(sys.argv[0])
SCHEMA = {
    "type": "object",
    "title": "Note",
    "description": "A text that is content.",
    "properties": {"type": {"type": "string"}, "text": {"type": "string", "description": "The text."}},
    "required": ["type", "text"],
    "additionalProperties": False,
}
NOTE = {
    "type": "note/v1",
    "aliases": ["note"],
    "jsonSchema": base64.b64encode(json.dumps(SCHEMA).encode()).decode(),
}
CAPABILITIES = {
    "capabilities": [
        {"type": "resourceRepository", "supportedAccessTypes": [NOTE]},
        {"type": "digestProcessorRepository", "supportedAccessTypes": [NOTE]},
        {"type": "inputRepository", "supportedInputTypes": [NOTE]},
        {"type": "credentialRepository", "supportedCredentialRepositorySpecTypes": [NOTE]},
        {"type": "credentialPlugin", "supportedCredentialPluginTypes": [NOTE]},
        {"type": "signingHandler", "supportedSigningSpecTypes": [NOTE]},
        {"type": "blobTransformer", "supportedTransformerSpecTypes": [NOTE]},
    ],
    "supportedConfigTypes": ["note.config/v1", "credentials.config.ocm.software"],
}


def log(level, message, **members):
    print(json.dumps({"time": "now", "level": level, "msg": message, **members}), file=sys.stderr, flush=True)


def capabilities():
    if NAME.startswith("hanging"):
        time.sleep(600)
    if NAME.startswith("failing"):
        sys.exit(3)
    if NAME.startswith("talking"):
        while True:
            sys.stdout.write("x" * 65536)
    if NAME.startswith("garbled"):
        print("usage: garbled")
        return
    if NAME.startswith("wrong"):
        print(json.dumps({"capabilities": [{"type": "inputRepository", "supportedInputTypes": [{"type": 7}]}]}))
        return
    log("INFO", "capabilities sent")
    print(json.dumps(CAPABILITIES))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "local"

    def log_message(self, *_):
        pass

    def answer(self, value, status=200):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def content(self, text):
        handle, path = tempfile.mkstemp()
        os.write(handle, text.encode())
        os.close(handle)
        return {"type": "localFile", "value": path, "mediaType": "text/x-note"}

    def do_GET(self):
        if NAME.startswith("sick"):
            return self.answer(b"not yet", 503)
        self.answer(b"")

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        credentials = json.loads(self.headers.get("Authorization") or "{}").get("properties", {})
        who = credentials.get("password", "nobody")
        log("WARN", "asked " + self.path, secret=who)
        if self.path == "/shutdown":
            self.answer(b"")
            if NAME.startswith("lasting"):
                return
            os._exit(0)
        if NAME.startswith("crashing"):
            os._exit(9)
        if NAME.startswith("refusing"):
            return self.answer(("no note for " + who + "\x1b[2J").encode(), 500)
        if NAME.startswith("babbling"):
            return self.answer(b"[" + b"1," * (9 << 20) + b"1]")
        if NAME.startswith("pointing"):
            return self.answer({"location": {"type": "localFile", "value": "etc/passwd"}})
        if NAME.startswith("elsewhere"):
            return self.answer({"location": {"type": "remoteURL", "value": "http://x.example/"}})
        if self.path == "/resource/get":
            return self.answer({"location": self.content(asked["resource"]["access"]["text"] + "/" + who)})
        if self.path == "/resource/process":
            return self.answer({"location": self.content(asked["resource"]["input"]["text"])})
        if self.path == "/source/process":
            return self.answer({"location": self.content("source " + asked["source"]["input"]["text"])})
        if self.path == "/resource/digest/process":
            content = asked["resource"]["access"]["text"] + "/" + who
            value = hashlib.sha256(content.encode()).hexdigest()
            digest = {"hashAlgorithm": "SHA-256", "normalisationAlgorithm": "genericBlobDigest/v1", "value": value}
            return self.answer({"resource": {**asked["resource"], "digest": digest}})
        if self.path == "/identity":
            return self.answer({"identity": {"type": "Note", "hostname": "notes.example"}})
        if self.path == "/consumer-identity":
            return self.answer({"type": "Note", "hostname": "vault.example"} if "config" in asked else None)
        if self.path == "/resolve":
            name = asked["identity"].get("hostname", "")
            return self.answer({"type": "Credentials/v1", "properties": {"username": name, "password": who}})
        if self.path in ("/sign/identity", "/verify/identity"):
            return self.answer({"identity": None})
        if self.path == "/sign":
            value = asked["digest"]["value"][::-1] + asked["config"]["text"]
            return self.answer({"signature": {"algorithm": "note", "value": value, "mediaType": "text/x-note"}})
        if self.path == "/verify":
            signature = asked["signature"]
            right = signature["digest"]["value"][::-1] + asked["config"]["text"] == signature["signature"]["value"]
            return self.answer({}) if right else self.answer(b"the signature is wrong", 500)
        if self.path == "/blob/transform":
            with open(asked["location"]["value"], encoding="utf-8") as file:
                return self.answer({"location": self.content(file.read().upper())})
        self.answer(b"no such thing", 404)


class Unix(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def get_request(self):
        request, _ = super().get_request()
        return request, ("local", 0)


def serve(configuration):
    if NAME.startswith("silent"):
        return
    if NAME.startswith("lost"):
        print("http://192.0.2.1:80", flush=True)
        time.sleep(600)
    print("configuration", json.dumps(configuration), sorted(os.environ), flush=True)
    with open(os.path.join(os.path.dirname(sys.argv[0]), NAME + ".json"), "w", encoding="utf-8") as file:
        json.dump({"configuration": configuration, "environment": dict(os.environ)}, file)
    if NAME.startswith("tcp"):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        print("[::]:%d" % server.server_port, flush=True)
    else:
        path = "/tmp/%s-plugin.socket" % configuration["id"]
        server = Unix(path, Handler)
        with open(path + ".lock", "w", encoding="utf-8") as file:
            file.write(str(os.getpid()))
        print("http+unix://" + path, flush=True)
    server.serve_forever()


if sys.argv[1:] == ["capabilities"]:
    capabilities()
elif sys.argv[1] == "--config":
    serve(json.loads(sys.argv[2]))
else:
    sys.exit(2)
