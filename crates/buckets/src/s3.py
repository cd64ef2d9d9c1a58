# S3 by moto, with an empty bucket. Arguments: the bucket, and for TLS a file with a certificate and one with its key.
import logging
import os
import sys
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import make_server

bucket, *tls = sys.argv[1:]
logging.getLogger("werkzeug").setLevel(logging.ERROR)
application = DomainDispatcherApplication(create_backend_app)
s3_backends["123456789012"]["aws"].create_bucket(bucket, "us-east-1")

# One request at a time: moto looks whether an object is there and writes it in two steps, S3 in one.
turn = threading.Lock()


def serve(environ, start):
    with turn:
        return list(application(environ, start))


server = make_server("127.0.0.1", 0, serve, threaded=True, ssl_context=tuple(tls) or None)
print("ready", server.port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
os._exit(0)
