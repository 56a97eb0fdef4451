#!/usr/bin/env python3
"""A plugin for tests. What it does wrong is said by the name of its file."""

import base64
import glob
import hashlib
import http.server
import json
import os
import shutil
import socketserver
import subprocess
import sys
import tempfile
import time
import urllib.parse

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
SHELF = {
    "type": "shelf/v1",
    "aliases": ["shelf"],
    "jsonSchema": base64.b64encode(json.dumps({
        "type": "object",
        "properties": {
            "type": {"type": "string"},
            "folder": {"type": "string", "description": "The folder with the component versions."},
            "naming": {"type": "string", "enum": ["digest", "own"], "description": "What content is referred to by."},
        },
        "required": ["type", "folder"],
        "additionalProperties": False,
    }).encode()).decode(),
}
CAPABILITIES = {
    "capabilities": [
        {"type": "componentVersionRepository", "supportedRepositorySpecTypes": [SHELF]},
        {"type": "componentLister", "supportedRepositorySpecTypes": [SHELF]},
        {"type": "resourceRepository", "supportedAccessTypes": [NOTE]},
        {"type": "digestProcessorRepository", "supportedAccessTypes": [NOTE]},
        {"type": "inputRepository", "supportedInputTypes": [NOTE]},
        {
            "type": "credentialRepository",
            "supportedCredentialRepositorySpecTypes": [NOTE],
            "supportedConsumerIdentityTypes": [{"type": "Note"}],
            "customCredentialTypes": [{"type": "NoteToken/v1", "aliases": ["NoteToken"]}],
        },
        {"type": "credentialPlugin", "supportedCredentialPluginTypes": [NOTE]},
        {"type": "signingHandler", "supportedSigningSpecTypes": [NOTE]},
        {"type": "blobTransformer", "supportedTransformerSpecTypes": [NOTE]},
    ],
    "supportedConfigTypes": ["note.config/v1", "credentials.config.ocm.software"],
}


def log(level, message, **members):
    print(json.dumps({"time": "now", "level": level, "msg": message, **members}), file=sys.stderr, flush=True)


def leave_child(**streams):
    """Starts a program that outlives this one, and notes its number."""
    child = subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **streams)
    with open(os.path.join(os.path.dirname(sys.argv[0]), NAME + ".child"), "w", encoding="utf-8") as file:
        file.write(str(child.pid))


def capabilities():
    if NAME.startswith("forking"):
        leave_child(stdout=subprocess.DEVNULL)
    if NAME.startswith("holding"):
        # The child keeps the other end of the pipe open.
        leave_child()
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


class Shelf:
    """Component versions in a folder: one folder for each, with its descriptor and its content."""

    def __init__(self, specification):
        self.folder = specification["folder"]

    def place(self, name, version, make):
        folder = os.path.join(self.folder, urllib.parse.quote(name, safe=""), version)
        if make:
            os.makedirs(folder, exist_ok=True)
        return folder

    def descriptor(self, name, version, make=False):
        return os.path.join(self.place(name, version, make), "descriptor.json")

    def content(self, name, version, kind, element, make=False):
        return os.path.join(self.place(name, version, make), "content-%s-%s" % (kind, element))

    def versions(self, name):
        found = glob.glob(os.path.join(self.folder, urllib.parse.quote(name, safe=""), "*", "descriptor.json"))
        return sorted(os.path.basename(os.path.dirname(path)) for path in found)

    def components(self):
        return sorted(urllib.parse.unquote(name) for name in os.listdir(self.folder))


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
        address = urllib.parse.urlsplit(self.path)
        query = {name: texts[0] for name, texts in urllib.parse.parse_qs(address.query).items()}
        if address.path == "/healthz":
            return self.answer(b"")
        # What the SDK for Go does with every question that has no header.
        credentials = json.loads(self.headers["Authorization"])
        who = credentials.get("properties", {}).get("password", "nobody")
        log("DEBUG", "asked " + address.path)
        shelf = Shelf(json.loads(base64.b64decode(query["repository"])))
        try:
            if address.path == "/component-versions":
                return self.answer(shelf.versions(query["name"]))
            if address.path == "/component-version/download":
                with open(shelf.descriptor(query["name"], query["version"]), "rb") as file:
                    return self.answer(file.read())
            if address.path in ("/local-resource/download", "/local-source/download"):
                identity = json.loads(base64.b64decode(query["identity"]))
                log("WARN", "asked " + address.path, name=identity["name"], who=who)
                path = shelf.content(query["name"], query["version"], address.path.split("-")[1][:3], identity["name"])
                if NAME.startswith("swapping"):
                    return self.answer({"location": self.content("something else")})
                return self.answer({"location": {"type": "localFile", "value": path}})
        except OSError as error:
            return self.answer(str(error).encode(), 500)
        self.answer(b"no such thing", 404)

    def shelve(self, asked):
        shelf = Shelf(asked["repository"])
        if self.path == "/components/list":
            # Two names are a page.
            names = [name for name in shelf.components() if name > asked["last"]]
            header = {"last": names[1]} if len(names) > 2 else None
            return self.answer({"list": names[:2], "header": header})
        if self.path == "/component-version/upload":
            descriptor = asked["descriptor"]
            component = descriptor["component"]
            with open(shelf.descriptor(component["name"], component["version"], make=True), "w", encoding="utf-8") as file:
                json.dump(descriptor, file)
            return self.answer(b"")
        if self.path in ("/local-resource/upload", "/local-source/upload"):
            kind = self.path.split("/")[1].split("-")[1]
            path = shelf.content(asked["name"], asked["version"], kind[:3], asked[kind]["name"], make=True)
            shutil.copy(asked[kind + "Location"]["value"], path)
            if asked["repository"].get("naming") == "own":
                asked[kind]["access"]["localReference"] = os.path.basename(path)
            return self.answer(asked[kind])
        self.answer(b"no such thing", 404)

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        credentials = json.loads(self.headers.get("Authorization") or "{}")
        who = credentials.get("properties", {}).get("password", "nobody")
        if credentials.get("type") == "NoteToken/v1":
            who = "NoteToken/v1 " + credentials["token"]
        log("WARN", "asked " + self.path, secret=who)
        if self.path == "/shutdown":
            self.answer(b"")
            if NAME.startswith("lasting"):
                return
            os._exit(0)
        if NAME.startswith("crashing"):
            os._exit(9)
        if NAME.startswith("stuck"):
            time.sleep(600)
        if NAME.startswith("slow"):
            # Longer than a program may be silent, with a sign of life now and then.
            for part in range(10):
                time.sleep(0.25)
                self.content("part %d" % part)
        if NAME.startswith("computing"):
            # In a program of its own, without a word.
            subprocess.run([sys.executable, "-c", "import time\nend = time.time() + 2.5\nwhile time.time() < end: pass"], check=True)
        if NAME.startswith("slamming"):
            self.close_connection = True
            return self.wfile.close()
        if NAME.startswith("short"):
            self.send_response(200)
            self.send_header("Content-Length", "4000")
            self.end_headers()
            self.wfile.write(b"{")
            self.close_connection = True
            return None
        if NAME.startswith("rambling"):
            return self.answer(b"{}{")
        if NAME.startswith("refusing"):
            return self.answer(("no note for " + who + "\x1b[2J").encode(), 500)
        if NAME.startswith("babbling"):
            return self.answer(b"[" + b"1," * (9 << 20) + b"1]")
        if NAME.startswith("pointing"):
            return self.answer({"location": {"type": "localFile", "value": "etc/passwd"}})
        if NAME.startswith("elsewhere"):
            return self.answer({"location": {"type": "remoteURL", "value": "http://x.example/"}})
        if "repository" in asked:
            return self.shelve(asked)
        if self.path == "/resource/get":
            return self.answer({"location": self.content(asked["resource"]["access"]["text"] + "/" + who)})
        if self.path == "/blob/transform":
            text = open(asked["location"]["value"], encoding="utf-8").read()
            return self.answer({"location": self.content(text.upper() + asked["specification"]["text"] + "/" + who)})
        if self.path == "/resource/process" and asked["resource"]["input"]["text"].startswith("at "):
            kind, text = asked["resource"]["input"]["text"].split(" ")[1:]
            access = {"type": kind, "text" if kind == "note" else "localReference": text}
            return self.answer({"resource": {"name": "x", "access": access, "digest": None}, "location": None})
        if self.path == "/resource/process":
            return self.answer({"location": self.content(asked["resource"]["input"]["text"])})
        if self.path == "/source/process":
            return self.answer({"location": self.content("source " + asked["source"]["input"]["text"])})
        if self.path == "/resource/digest/process":
            content = asked["resource"]["access"]["text"] + "/" + who
            value = hashlib.sha256(content.encode()).hexdigest()
            digest = {"hashAlgorithm": "SHA-256", "normalisationAlgorithm": "genericBlobDigest/v1", "value": value}
            answer = {**asked["resource"], "digest": digest}
            if NAME.startswith("anonymous"):
                answer.update({"access": None, "labels": None, "srcRefs": None})
            return self.answer({"resource": answer})
        if self.path == "/identity":
            if NAME.startswith("anonymous"):
                return self.answer(b"404 page not found", 404)
            if "folder" in asked["type"]:
                return self.answer({"identity": {"type": "Shelf", "hostname": "shelf.example"}})
            return self.answer({"identity": {"type": "Note", "hostname": "notes.example"}})
        if self.path == "/consumer-identity":
            return self.answer({"type": "Note", "hostname": "vault.example"} if "config" in asked else None)
        if self.path == "/resolve":
            name = asked["identity"].get("hostname", "")
            log("WARN", "told " + json.dumps(asked.get("config")))
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
        self.answer(b"no such thing", 404)


class Unix(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def get_request(self):
        request, _ = super().get_request()
        return request, ("local", 0)


def serve(configuration):
    if NAME.startswith("silent"):
        return
    if NAME.startswith("mute"):
        time.sleep(600)
    if NAME.startswith("noisy"):
        while True:
            print("starting", flush=True)
    if NAME.startswith("forking"):
        leave_child(stdout=subprocess.DEVNULL)
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
