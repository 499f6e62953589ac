"""The whole system in one process, in virtual time; one number decides everything that happens.

    python -m tests.simulation --seeds 1..200

The program is the real one, the ledger real SQLite, and the two services are the sandbox's. What is
not real is the world around them: time, the network, which of several pieces of work goes next, and
the machine's disk and power. `scheduler` has time and turns, `network` the requests, `machine` disk
and locks; `steps` is what happens, `promises` what must hold, `history` a history from its seed.
"""
