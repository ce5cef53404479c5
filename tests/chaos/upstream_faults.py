# SPDX-License-Identifier: Apache-2.0
"""Faults of the endpoints of a scene, and changes of its configuration, from its seed."""
import dataclasses
import random
import time

from routes_plan import Endpoint

LONGEST = 2.0  # seconds of a trouble
OUT = {"out", "gone"}  # of an endpoint that the list does not name
SLOW = 2500  # milliseconds that a response takes then, more than the proxy waits for it


class Faults:
    def __init__(self, scene):
        self.scene = scene
        self.dice = random.Random(f"{scene.seed}/faults")
        self.pending = []  # when a trouble ends, and the function that ends it
        self.parked = {}  # endpoints that a reload has removed

    def run(self):
        """Until the scene is over; then everything works again."""
        while not self.scene.over():
            time.sleep(self.dice.uniform(0.02, 0.25))
            self.end_those_due(time.monotonic())
            action = self.dice.choice(self.ENDPOINT_ACTIONS if self.dice.random() < 0.75 else self.RELOADS)
            upstream = self.dice.choice(sorted(self.scene.setup.upstreams))
            endpoint = self.dice.choice(self.scene.members[upstream])
            duration = self.dice.uniform(0.2, LONGEST)
            action(self, self.scene.setup.upstreams[upstream], endpoint, duration)
        self.end_those_due(float("inf"))

    def end_those_due(self, now):
        due, self.pending = ([one for one in self.pending if (one[0] <= now) == is_due] for is_due in (True, False))
        for _, end in due:
            end()

    def may_disturb(self, upstream, *names):
        """A good endpoint has to remain, and a request can be sent three times."""
        now = time.monotonic()
        works = {one.name for one in upstream.endpoints if one.weight > 0}
        good = {name for name in works if self.scene.timeline.is_good(name, now, now)}
        return bool(good - set(names)) and len((works - good) | (works & set(names))) < 3

    def may_add(self, name):
        return self.scene.timeline.present(name) == OUT

    def disturb(self, upstream, name, kind, duration, begin, end):
        if not self.may_disturb(upstream, name) or self.scene.timeline.present(name) - OUT:
            return
        self.scene.count(kind)
        self.scene.timeline.begin(name, kind)
        begin()
        if duration == 0:
            self.scene.timeline.end(name, kind)
        else:
            self.pending.append((time.monotonic() + duration, lambda: self.mend(name, kind, end)))

    def mend(self, name, kind, end):
        end()
        self.scene.timeline.end(name, kind)

    # --- endpoints ---

    def kill(self, upstream, name, duration):
        replica = self.scene.replicas[name]
        self.disturb(upstream, name, "killed", duration, replica.kill, replica.start)

    def pause(self, upstream, name, duration):
        replica = self.scene.replicas[name]
        self.disturb(upstream, name, "paused", duration, replica.pause, replica.resume)

    def slow_down(self, upstream, name, duration):
        replica = self.scene.replicas[name]
        self.disturb(upstream, name, "slow", duration, lambda: replica.slow_down(SLOW), lambda: replica.slow_down(0))

    def lag(self, upstream, name, duration):
        """It responds later, but in time."""
        if self.scene.timeline.present(name) - OUT:
            return
        self.scene.count("lag")
        replica = self.scene.replicas[name]
        replica.slow_down(self.dice.choice([20, 100]))
        self.pending.append((time.monotonic() + duration, lambda: self.end_lag(name)))

    def end_lag(self, name):
        if not self.scene.timeline.present(name) - OUT:
            self.scene.replicas[name].slow_down(0)

    def reset(self, upstream, name, _duration):
        self.disturb(upstream, name, "reset", 0, lambda: self.scene.replicas[name].tell("/-/reset"), None)

    def sicken(self, upstream, name, duration):
        """Its checks fail, although it works; or it says that it leaves."""
        if upstream.get("health-check") != "/healthz":
            return
        replica, status = self.scene.replicas[name], self.dice.choice([500, 503])
        self.disturb(upstream, name, "sick", duration, lambda: replica.report_health(status),
                     lambda: replica.report_health(200))

    def refuse(self, upstream, name, duration):
        """It responds with 503 to everything."""
        replica = self.scene.replicas[name]
        self.disturb(upstream, name, "unready", duration, lambda: replica.tell("/-/status/503"),
                     lambda: replica.tell("/-/status/200"))

    def black_out(self, upstream, _name, duration):
        """All are gone at once."""
        names = self.scene.members[upstream.name]
        if self.dice.random() < 0.8 or any(self.scene.timeline.present(name) - OUT for name in names):
            return
        self.scene.count("all killed")
        for name in names:
            self.scene.timeline.begin(name, "killed")
        for name in names:
            self.scene.replicas[name].kill()
            self.pending.append((time.monotonic() + duration / 2,
                                 lambda name=name: self.mend(name, "killed", self.scene.replicas[name].start)))

    ENDPOINT_ACTIONS = (kill, kill, pause, pause, slow_down, lag, reset, reset, sicken, refuse, black_out)

    # --- the configuration ---

    def put_out(self, upstream, name, changed):
        """Requests go to the endpoint no longer, once the changed upstream is in effect. One that is not a
        backup has to remain."""
        remains = any(one.weight > 0 and not one.backup for one in changed.endpoints)
        if not remains or not self.may_disturb(upstream, name) or self.scene.timeline.present(name):
            return False
        self.scene.timeline.begin(name, "out")
        self.scene.reload(self.scene.setup.with_upstream(changed))
        self.scene.timeline.begin(name, "gone")
        return True

    def put_back(self, name, setup):
        self.scene.timeline.end(name, "gone")
        self.scene.reload(setup)
        self.scene.timeline.end(name, "out")

    def remove(self, upstream, name, _duration):
        if upstream.named:
            return self.change_name(upstream, name)
        found = [one for one in upstream.endpoints if one.name == name]
        if found and self.put_out(upstream, name, upstream.without(name)):
            self.scene.count("endpoint removed")
            self.parked[name] = found[0]
        elif name in self.parked and self.may_add(name):
            self.scene.count("endpoint added")
            back = dataclasses.replace(self.parked.pop(name), host=self.dice.choice(["127.0.0.1", "localhost"]))
            self.put_back(name, self.scene.setup.with_upstream(upstream.with_endpoint(back)))
        return None

    def change_name(self, upstream, name):
        """The name server has other addresses."""
        listed = [one.name for one in upstream.endpoints]
        if name in listed and self.may_disturb(upstream, name) and not self.scene.timeline.present(name):
            self.scene.count("address removed")
            self.scene.timeline.begin(name, "out")
            self.parked[name] = next(one for one in upstream.endpoints if one.name == name)
            self.scene.set_addresses(upstream.without(name))
            self.scene.timeline.begin(name, "gone")
        elif name in self.parked and self.may_add(name):
            self.scene.count("address added")
            self.scene.timeline.end(name, "gone")
            self.scene.set_addresses(upstream.with_endpoint(self.parked.pop(name)))
            self.scene.timeline.end(name, "out")

    def weigh(self, upstream, name, _duration):
        found = [one for one in upstream.endpoints if one.name == name]
        if not found or upstream.named:
            return
        before, after = found[0].weight, self.dice.choice([0, 0.5, 1, 3])
        changed = upstream.with_endpoint(dataclasses.replace(found[0], weight=after))
        if after == 0 and before > 0 and self.put_out(upstream, name, changed):
            self.scene.count("weight 0")
        elif after > 0 and (before > 0 or self.may_add(name)):
            self.scene.count("weight changed")
            self.weigh_keys(upstream)
            self.put_back(name, self.scene.setup.with_upstream(changed))
            self.weigh_keys(upstream)

    def weigh_keys(self, upstream):
        """Where a key chooses the endpoint, keys move with the weights."""
        if upstream.name == "alone":
            for name in self.scene.members[upstream.name]:
                self.scene.timeline.begin(name, "weighed")
                self.scene.timeline.end(name, "weighed")

    def rename(self, upstream, name, _duration):
        """The same server under another name is another endpoint."""
        found = [one for one in upstream.endpoints if one.name == name and one.weight > 0]
        if not found or upstream.named:
            return
        host = "localhost" if found[0].host == "127.0.0.1" else "127.0.0.1"
        renamed: Endpoint = dataclasses.replace(found[0], host=host)
        if self.may_disturb(upstream, name) and not self.scene.timeline.present(name):
            self.scene.count("renamed")
            self.scene.timeline.begin(name, "out")
            self.put_back(name, self.scene.setup.with_upstream(upstream.with_endpoint(renamed)))

    def change_routes(self, _upstream, _name, _duration):
        plan, setup = self.scene.plan, self.scene.setup
        changed = plan.add_route(setup) if self.dice.random() < 0.5 else plan.remove_route(setup)
        if changed is not setup:
            self.scene.count("routes changed")
            self.scene.reload(changed)

    def change_settings(self, _upstream, _name, _duration):
        changed = self.scene.plan.change_settings(self.scene.setup)
        if changed is self.scene.setup:
            return
        self.scene.count("settings changed")
        different = {name for name, one in changed.upstreams.items() if one != self.scene.setup.upstreams[name]}
        # The others inherit from the one at the top of the file.
        self.scene.made_again |= set(changed.upstreams) if changed.top in different else different
        self.scene.reload(changed)

    def reload_in_vain(self, _upstream, _name, _duration):
        """A configuration with a mistake changes nothing."""
        self.scene.count("failed reload")
        self.scene.reload_in_vain()

    RELOADS = (remove, remove, remove, weigh, weigh, rename, change_routes, change_routes, change_settings,
               reload_in_vain)
