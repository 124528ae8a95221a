"""The stream process (`langan-server stream`): the live feed for thousands of pages at once, on one event loop.

    reader.py    the database: news since a position, rights of all who are connected; plain functions, run in threads
    audience.py  who is connected, what each has got, the newest messages in memory; no I/O
    live.py      the loop: read, deliver, look after rights, heartbeats and slow clients
    app.py       HTTP: who may connect, and from which position
    run.py       the process: socket, signals, a graceful end

It serves the same address (`/api/v1/live`) with the same cookies and rules as the web process, which streams to a few
pages by itself. It only reads: any number of these processes may run.
"""
