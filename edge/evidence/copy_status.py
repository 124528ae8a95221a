"""How the process that makes a playable copy ends. Apart, so that the main process need not load a decoder to know."""

UNREADABLE, NO_ROOM, WRONG_USAGE = 1, 2, 3
