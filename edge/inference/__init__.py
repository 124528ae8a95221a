"""One process of a box searches the pictures of all its cameras.

    worker process, a camera's thread            inference process
    ---------------------------------            -----------------
    RemoteAsker  --Hello(model)---------------->  InferenceServer: loads the model when the first camera asks for it
                 <--Ready(classes, input size)--
                 --Share(slot)----------------->  maps the camera's slot: memory for one model input
    draws there  --Ask(number)----------------->  InferenceWorker: newest first, every camera in turn
                 <--Found(number, boxes)--------

The slot is memory without a name: when both ends are gone, however they went, it is gone. The socket that cameras call
at belongs to the main process, so that callers wait, rather than fail, while a process that died is started again.
"""
