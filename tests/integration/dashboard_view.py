# SPDX-License-Identifier: Apache-2.0
"""The dashboard in a browser, as its reader sees it."""
HOSTILE = "<script>window.hacked=1</script><img src=x onerror=window.hacked=1>\u202e\"'&"
SHOWN = HOSTILE.replace("\u202e", "\\u202e")


def watch(browser, url, **options):
    """Opens the dashboard and waits for its first figures."""
    browser.open(url, **options)
    browser.until("typeof overview === 'object' && overview && !isDirty")


def cpu_seconds(browser, script, runs=3):
    """Of the fastest run, which programs beside this one slow down least."""
    def run():
        before = browser.cpu_seconds()
        browser.js(script)
        return browser.cpu_seconds() - before

    return min(run() for _ in range(runs))


def assert_frames_are_cheap(browser, selector):
    """To show a snapshot takes at most 0.3 s of CPU, and half of what it takes to lay out new rows below `selector`. An
    idle machine takes 0.05 s, and a fifth; a loaded one lengthens both times."""
    browser.ask("POST", "/execute/async", {"args": [], "script": """
      const done = arguments[0];
      window.seen = [];
      const look = () => {
        if (seen.at(-1) !== overview) seen.push(overview);
        if (seen.length < 8) requestAnimationFrame(look); else done();
      };
      look();"""})
    frame = cpu_seconds(browser, """
      for (overview of seen) {
        render();
        document.body.getBoundingClientRect();
      }""") / 8
    anew = cpu_seconds(browser, f"""
      for (const body of document.querySelectorAll("{selector} tbody")) body.replaceWith(body.cloneNode(true));
      document.body.getBoundingClientRect();""")
    assert frame < min(0.3, anew / 2), (frame, anew)


def rows_below(browser, selector):
    """The cells of a table, as the reader sees them, without its message for no rows."""
    return browser.js("return [...document.querySelectorAll(`${arguments[0]} tbody tr:not(.none)`)].map((row) => "
                      "[...row.children].map((cell) => cell.textContent.replace(/\\s+/g, ' ').trim()))", selector)


def rows(browser, table):
    return rows_below(browser, "#" + table)


def endpoints(browser, name):
    """The rows of the endpoints of an upstream."""
    return rows_below(browser, f'[data-upstream="{name}"]')


def sections(browser):
    """Of the endpoints: (upstream, whether it is open, note)."""
    return [tuple(one) for one in browser.js(
        "return [...document.querySelectorAll('#balanced > section')].map((section) => [section.dataset.upstream, "
        "section.querySelector('details').open, section.querySelector('.note').textContent])")]


def pairs(browser, name):
    return dict(browser.js("return [...document.querySelectorAll(`#${arguments[0]} div`)].map((pair) => "
                           "[pair.children[0].textContent, pair.children[1].textContent])", name))
