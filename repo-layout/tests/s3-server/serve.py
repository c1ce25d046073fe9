"""An S3 server for tests: moto, on a port of its own, which it prints.

One request at a time: moto looks at a condition and then writes, and two requests in between would both find it true.
"""

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=False)
print(server.port, flush=True)
server.serve_forever()
