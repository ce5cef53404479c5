# SPDX-License-Identifier: Apache-2.0
"""Chromium without a screen, driven over WebDriver (https://www.w3.org/TR/webdriver2/) with the standard library."""
import base64
import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request

from wire import PATIENCE

DRIVER = shutil.which("chromedriver")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MISSING = not (DRIVER and CHROMIUM)
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         "--disable-background-networking", "--hide-scrollbars", "--force-color-profile=srgb"]
KEYS = {"Tab": "\ue004", "Enter": "\ue007", "Escape": "\ue00c", "Space": " ", "PageUp": "\ue00e", "PageDown": "\ue00f",
        "End": "\ue010", "Home": "\ue011", "ArrowLeft": "\ue012", "ArrowUp": "\ue013", "ArrowRight": "\ue014",
        "ArrowDown": "\ue015", "Backspace": "\ue003"}
# Loaded machines run four tests at a time.
LONG = 4 * PATIENCE


class Browser:
    def __init__(self, flags=(), environment=None):
        self.driver = subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                       stdin=subprocess.DEVNULL, text=True, env=environment)
        for line in self.driver.stdout:
            if started := re.search(r"started successfully on port (\d+)", line):
                break
        self.base = f"http://127.0.0.1:{started.group(1)}"
        wanted = {"goog:loggingPrefs": {"browser": "ALL"},
                  "goog:chromeOptions": {"binary": CHROMIUM, "args": [*FLAGS, *flags]}}
        answer = self.ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.base += f"/session/{answer['sessionId']}"
        self.version = answer["capabilities"]["browserVersion"]

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as refused:
            raise AssertionError(json.load(refused)["value"]["message"]) from None

    def close(self):
        try:
            self.ask("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()

    def cdp(self, command, **parameters):
        return self.ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def open(self, url, width=1280, height=900, scheme="light", scripts=True, motion="no-preference"):
        """Opens a page in a new browser state, and forgets the messages logged before."""
        self.cdp("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme},
                                                         {"name": "prefers-reduced-motion", "value": motion}])
        self.resize(width, height)
        self.console()
        self.ask("POST", "/url", {"url": url})

    def resize(self, width, height=900):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def leave(self):
        self.cdp("Emulation.setScriptExecutionDisabled", value=False)
        self.ask("POST", "/url", {"url": "about:blank"})

    def console(self):
        """The messages since the last call: errors of scripts, refusals by the policy, failed loads."""
        return [entry["message"] for entry in self.ask("POST", "/se/log", {"type": "browser"})]

    def js(self, script, *arguments):
        return self.ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def until(self, script, *arguments, patience=LONG):
        """Waits until the expression is true, and returns its value."""
        deadline = time.monotonic() + patience
        while True:
            value = self.js(f"return {script}", *arguments)
            if value:
                return value
            assert time.monotonic() < deadline, f"never true: {script}; the page says: {self.text()[:3000]}"
            time.sleep(0.02)

    def text(self, selector="body"):
        """The text that a reader sees, without blanks at the ends of lines."""
        return self.js("return document.querySelector(arguments[0]).innerText", selector)

    def press(self, *keys):
        """Presses keys: names of KEYS, "Shift+Tab", or text to type."""
        actions = []
        for key in keys:
            shift = key.startswith("Shift+")
            values = [KEYS[key.removeprefix("Shift+")]] if key.removeprefix("Shift+") in KEYS else list(key)
            if shift:
                actions.append({"type": "keyDown", "value": "\ue008"})
            for value in values:
                actions += [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
            if shift:
                actions.append({"type": "keyUp", "value": "\ue008"})
        self.ask("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def screenshot(self, whole=False):
        """A PNG of the window, or of the whole page."""
        if not whole:
            return base64.b64decode(self.ask("GET", "/screenshot"))
        size = self.js("return [document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}
        return base64.b64decode(self.cdp("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"])

    def used_memory(self):
        """Bytes of the scripts' heap without garbage, and the number of nodes that exist."""
        self.cdp("HeapProfiler.collectGarbage")
        return (self.cdp("Runtime.getHeapUsage")["usedSize"], self.cdp("Memory.getDOMCounters")["nodes"])

    def cpu_seconds(self):
        """The time for which the main thread of the page has run. It does not grow while other processes run."""
        self.cdp("Performance.enable", timeDomain="threadTicks")
        return next(one["value"] for one in self.cdp("Performance.getMetrics")["metrics"] if one["name"] == "ThreadTime")
