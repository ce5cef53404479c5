# SPDX-License-Identifier: Apache-2.0
"""The troubles of endpoints, and which effects they may have had on a request."""
import threading
import time

# Kinds of trouble, and whether a request that has reached the endpoint may be lost (the client sees a failure of it, or
# a response that ends early), and whether a tunnel ends.
LOSES_REQUESTS = {"killed", "paused", "slow", "reset", "unready"}
ENDS_TUNNELS = {"killed", "reset"}
AFTERMATH = 1.0  # seconds that the proxy may take to see that connections have ended


class Timeline:
    """The troubles of all endpoints, by name. Thread: any."""

    def __init__(self, recovery):
        self.recovery = recovery  # seconds from the end of a trouble until the proxy has found out that it is over
        self.lock = threading.Lock()
        self.troubles = {}  # by endpoint: [kind, begin, end]; the end is None while it lasts

    def add(self, name):
        self.troubles[name] = []

    def begin(self, name, kind):
        """To be called before the trouble begins."""
        with self.lock:
            self.troubles[name].append([kind, time.monotonic(), None])

    def end(self, name, kind):
        """To be called after the trouble is over."""
        with self.lock:
            for trouble in self.troubles[name]:
                if trouble[0] == kind and trouble[2] is None:
                    trouble[2] = time.monotonic()

    def kinds(self, name, begin, end, recovery=0.0):
        """The troubles from `begin` to `end`, each counted as `recovery` seconds longer."""
        with self.lock:
            return {kind for kind, since, until in self.troubles[name]
                    if since <= end and (until is None or until + recovery >= begin)}

    def present(self, name):
        return self.kinds(name, time.monotonic(), time.monotonic())

    def is_good(self, name, begin, end):
        """Whether the endpoint worked all the time, and the proxy knew that."""
        return not self.kinds(name, begin, end, self.recovery)

    def was_always(self, name, kind, begin, end):
        with self.lock:
            return any(its_kind == kind and since <= begin and (until is None or until >= end)
                       for its_kind, since, until in self.troubles[name])

    def may_have_seen(self, name, begin, end):
        """Whether a request that failed in this time may have reached the endpoint. An endpoint that was dead all the
        time saw nothing."""
        if not self.kinds(name, begin - AFTERMATH, end) & LOSES_REQUESTS:
            return False
        return not self.was_always(name, "killed", begin - AFTERMATH, end)

    def may_have_cut(self, name, begin, end):
        return bool(self.kinds(name, begin, end) & LOSES_REQUESTS)

    def may_have_ended_tunnels(self, name, begin, end):
        return bool(self.kinds(name, begin, end) & ENDS_TUNNELS)

    def is_spotless(self, name):
        """Whether nothing ever happened to the endpoint."""
        with self.lock:
            return not self.troubles[name]


class Watchdog:
    """Notices when this machine stops for a while, for which the proxy cannot be blamed."""

    STEP, MOST = 0.05, 0.35  # seconds: of sleep, and how much longer it may take

    def __init__(self):
        self.stalls = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        before = time.monotonic()
        while not self.over.wait(self.STEP):
            now = time.monotonic()
            if now - before > self.STEP + self.MOST:
                self.stalls.append((before, now))
            before = now

    def stalled(self, begin, end):
        return any(since <= end and until >= begin for since, until in list(self.stalls))

    def stop(self):
        self.over.set()
        self.thread.join()
