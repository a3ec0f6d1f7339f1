"""A typed client of hpm's REST API.

::

    from hpm.client.connection import connect

    with connect() as client:                   # the local manager's socket
        for server in client.servers().value.virtual_servers:
            print(server.name, server.performance_index)

Every call gives an `answers.Answer`: the typed value, the JSON as the server sent it, and the ETag.
What can go wrong is drawn in `errors`. Nothing is imported here, because httpx is slow to load.
"""
