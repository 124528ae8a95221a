"""Shows what cameras see when the server asks: a still now and then, and two pictures a second while somebody looks.

    worker process                                   main process
    --------------                                   ------------
    capture thread --frame--> Eyes <---Glance------- LookListener <--held question--> server
                                `--encode--> Shown --> LookSender --newest only--> server

Nothing of it is ever written to a disk, and nothing runs while nobody asks.
"""
