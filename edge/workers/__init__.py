"""Cameras spread over worker processes, so that none takes another down.

    main process                               worker process (one of a few)
    ------------                               -----------------------------
    WorkerPool --Apply, Stop, Answer-->  pipe  --> WorkerProcess --> Supervisor --> a camera's threads
    outbox, evidence folder  <--PutEvent, AdoptFile, Report--  RemoteOutbox, RemoteEvidence

The end of the pipe is the end of the other side: a worker whose main process died ends at once, a worker that died is
started again. `assignment` decides which camera runs where, `child` keeps one process running.
"""
