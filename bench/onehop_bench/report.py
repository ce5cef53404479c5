# SPDX-License-Identifier: Apache-2.0
"""Prints medians, ratios and verdicts: a table for each workload, and a summary at the end."""

import statistics

REFERENCES = ("nginx", "haproxy", "nghttpx")
SUBJECT, BEFORE = "onehop", "before"
HEADINGS = ("target", "median", "spread", "/nginx", "/best", "per s", "busy", "p50 us", "p99 us",
            "MiB")


def median(samples, key="value"):
    values = [sample[key] for sample in samples if sample.get(key) is not None]
    return statistics.median(values) if values else None


def spread(samples):
    values = [sample["value"] for sample in samples if "value" in sample]
    middle = median(samples)
    return (max(values) - min(values)) / middle if len(values) > 1 and middle else None


def first_error(samples):
    return next((sample["error"] for sample in samples if "error" in sample), None)


def best(values):
    """Returns (name, value) of the reference with the lowest value, or None if no reference was measured."""
    measured = [(values[name], name) for name in REFERENCES if values.get(name)]
    return (min(measured)[1], min(measured)[0]) if measured else None


def ratio(value, reference):
    return value / reference if value is not None and reference else None


def verdict(workload, values):
    """Returns (sentence, met). `met` is None if it is unknown whether the target is met."""
    goal = workload.goal
    if goal is None:
        return "no target", None
    value, reference = values.get(SUBJECT), best(values)
    target = f"target {goal}" if goal.relative else f"target {goal} {workload.unit}"
    if value is None:
        return f"{target}: {SUBJECT} was not measured", None
    if goal.relative and reference is None:
        return f"{target}: no peer was measured", None
    if goal.relative:
        target += f" ({reference[0]})"
        value /= reference[1]
    met = value <= goal.limit
    return f"{target}: {value:.2f}, {'met' if met else 'MISSED'}", met


def change(cells):
    """Returns a sentence that compares the subject with another build, or "" if there is none.

    It compares round by round, since other work on the machine slows both builds in the same rounds.
    """
    pairs = zip(cells.get(SUBJECT, []), cells.get(BEFORE, []))
    ratios = [after["value"] / before["value"] for after, before in pairs if after.get("value") and before.get("value")]
    if not ratios:
        return ""
    return f"{SUBJECT}/{BEFORE} by round: {statistics.median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}"


def show(value, form):
    return "-" if value is None else format(value, form)


def row(name, samples, values):
    reference = best(values)
    memory = median(samples, "memory_kib")
    return (name, show(median(samples), ".2f"), show(spread(samples), ".0%"),
            show(ratio(values[name], values.get("nginx")), ".2f"),
            show(ratio(values[name], reference and reference[1]), ".2f"),
            show(median(samples, "rate"), ".0f"), show(median(samples, "busy"), ".2f"),
            show(median(samples, "p50_us"), ".0f"), show(median(samples, "p99_us"), ".0f"),
            show(ratio(memory, 1024), ".1f"))


def trusted(cells):
    """Maps each target to its median, or to None if one of its samples has an error."""
    return {name: None if first_error(samples) else median(samples)
            for name, samples in cells.items()}


def print_workload(workload, cells):
    """Prints the table of a workload. `cells` maps the name of each target to its samples."""
    values = trusted(cells)
    print(f"\n{workload.name}: {workload.about} [{workload.unit}]")
    print(line(HEADINGS))
    for name, samples in cells.items():
        error = first_error(samples)
        if error:
            print(f"  {name:<15} FAILED: {error}")
        else:
            print(line(row(name, samples, values)))
    print(f"  {verdict(workload, values)[0]}", flush=True)
    if change(cells):
        print(f"  {change(cells)}", flush=True)


def line(fields):
    return f"  {fields[0]:<15}" + "".join(f"{text:>9}" for text in fields[1:])


def print_summary(workloads, results, failures):
    print("\nsummary")
    for workload in workloads:
        if workload.name in results:
            cells = results[workload.name]
            sentences = filter(None, (verdict(workload, trusted(cells))[0], change(cells)))
            print(f"  {workload.name:<13} {'; '.join(sentences)}")
    for failure in failures:
        print(f"  FAILED {failure}")


def as_json(workloads, results, failures, settings):
    described = {}
    for workload in workloads:
        cells = results.get(workload.name, {})
        values = trusted(cells)
        sentence, met = verdict(workload, values)
        described[workload.name] = {"unit": workload.unit, "medians": values, "verdict": sentence,
                                    "met": met, "samples": cells}
    return {"settings": settings, "workloads": described, "failures": failures}
