# The part of Google Cloud Storage's XML API that an object store's client uses, over an empty bucket in memory, by
# https://cloud.google.com/storage/docs/xml-api/reference-methods: none of the servers of others that can be installed has
# both this API and its preconditions. Argument: the bucket.
import email.utils
import hashlib
import os
import re
import sys
import threading
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

bucket = sys.argv[1]
objects = {}
# By upload: parts by number.
uploads = {}
generations = iter(range(1, 1 << 60))
turn = threading.Lock()
# So small that lists have several pages.
PAGE = 5


class Object:
    def __init__(self, content):
        self.content = content
        self.generation = next(generations)
        self.made = datetime.now(timezone.utc)
        self.etag = '"' + hashlib.md5(content).hexdigest() + '"'

    def headers(self):
        return {
            "ETag": self.etag,
            "Last-Modified": email.utils.format_datetime(self.made, usegmt=True),
            "x-goog-generation": str(self.generation),
        }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, content=b"", headers={}):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def target(self):
        """The object's name; none: the bucket itself."""
        of, _, name = urlsplit(self.path).path.lstrip("/").partition("/")
        if of != bucket:
            self.answer(404, b"<Error><Code>NoSuchBucket</Code></Error>")
            return False, None
        return True, unquote(name)

    def do_PUT(self):
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        found, name = self.target()
        if not found:
            return
        query = parse_qs(urlsplit(self.path).query)
        if "uploadId" in query:
            parts = uploads.get(query["uploadId"][0])
            if parts is None:
                return self.answer(404, b"<Error><Code>NoSuchUpload</Code></Error>")
            part = Object(content)
            parts[int(query["partNumber"][0])] = part
            return self.answer(200, headers=part.headers())
        wanted = self.headers.get("x-goog-if-generation-match")
        with turn:
            there = objects[name].generation if name in objects else 0
            if wanted is not None and int(wanted) != there:
                return self.answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
            objects[name] = Object(content)
            self.answer(200, headers=objects[name].headers())

    def do_POST(self):
        """Begins or ends an upload in parts (reference-methods, multipart)."""
        content = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        found, name = self.target()
        if not found:
            return
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        with turn:
            if "uploads" in query:
                upload = f"upload-{next(generations)}"
                uploads[upload] = {}
                text = f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
                return self.answer(200, text.encode(), {"Content-Type": "application/xml"})
            parts = uploads.pop(query.get("uploadId", [""])[0], None)
            if parts is None:
                return self.answer(404, b"<Error><Code>NoSuchUpload</Code></Error>")
            numbers = [int(number) for number in re.findall(r"<PartNumber>(\d+)</PartNumber>", content)]
            if not numbers or numbers != sorted(parts):
                return self.answer(400, b"<Error><Code>InvalidPart</Code></Error>")
            objects[name] = Object(b"".join(parts[number].content for number in numbers))
            there = objects[name]
        text = f"<CompleteMultipartUploadResult><ETag>{escape(there.etag)}</ETag></CompleteMultipartUploadResult>"
        self.answer(200, text.encode(), there.headers())

    def do_GET(self):
        found, name = self.target()
        if not found:
            return
        if not name:
            return self.list(parse_qs(urlsplit(self.path).query))
        there = objects.get(name)
        if there is None:
            return self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        headers, size = there.headers(), len(there.content)
        asked = self.headers.get("Range", "")
        if not asked.startswith("bytes="):
            return self.answer(200, there.content, headers)
        first, last = asked[len("bytes="):].split("-")
        start = int(first) if first else max(0, size - int(last))
        end = min(int(last), size - 1) if first and last else size - 1
        if start >= size:
            return self.answer(416)
        headers["Content-Range"] = f"bytes {start}-{end}/{size}"
        self.answer(206, there.content[start:end + 1], headers)

    do_HEAD = do_GET

    def do_DELETE(self):
        found, name = self.target()
        upload = parse_qs(urlsplit(self.path).query).get("uploadId")
        if found and upload:
            self.answer(204 if uploads.pop(upload[0], None) is not None else 404)
        elif found:
            with turn:
                gone = objects.pop(name, None)
            self.answer(204 if gone else 404)

    def list(self, query):
        prefix = query.get("prefix", [""])[0]
        after = query.get("continuation-token", [""])[0]
        delimiter = query.get("delimiter", [""])[0]

        def shown(name):
            """A name, or the folder that it is in where folders are asked for."""
            folder, found, _ = name[len(prefix):].partition(delimiter) if delimiter else ("", "", "")
            return prefix + folder + found if found else name

        with turn:
            names = sorted({shown(name) for name in objects if name.startswith(prefix)})
            names = [name for name in names if name > after]
            page = [(name, objects.get(name)) for name in names[:PAGE]]
        text = "".join(
            f"<Contents><Key>{escape(name)}</Key><LastModified>{there.made:%Y-%m-%dT%H:%M:%S.%fZ}</LastModified>"
            f"<ETag>{escape(there.etag)}</ETag><Size>{len(there.content)}</Size></Contents>"
            if there
            else f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
            for name, there in page
        )
        if len(names) > PAGE:
            text += f"<NextContinuationToken>{escape(page[-1][0])}</NextContinuationToken>"
        text = f"<?xml version='1.0'?><ListBucketResult><Name>{bucket}</Name>{text}</ListBucketResult>"
        self.answer(200, text.encode(), {"Content-Type": "application/xml"})


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print("ready", server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
os._exit(0)
