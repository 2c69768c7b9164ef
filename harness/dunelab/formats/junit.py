# SPDX-License-Identifier: MIT
"""A comparison as JUnit XML: a test case a metric.  Inconclusive is skipped, not passed."""

import xml.etree.ElementTree as xml

from dunelab import stats, tables


def write(made):
    """Text of the XML of a comparison's record."""
    rows = made["metrics"]
    count = {word: sum(row["verdict"] == word for row in rows)
             for word in (stats.REGRESSED, stats.INCONCLUSIVE)}
    # The run that failed is an error of its own: there may be no figure that is missing.
    lost = [(name, "not measured on the new side") for name in made["missing"]]
    lost += [("new run", text) for text in made["new"].get("failed", [])]
    suite = xml.Element("testsuite", name="dunelab compare", tests=str(
        len(rows) + len(lost)), failures=str(count[stats.REGRESSED]),
        errors=str(len(lost)), skipped=str(count[stats.INCONCLUSIVE]))
    for row in rows:
        case = _case(suite, row["metric"])
        if row["verdict"] == stats.REGRESSED:
            xml.SubElement(case, "failure", message=said(row)).text = said(row)
        elif row["verdict"] == stats.INCONCLUSIVE:
            xml.SubElement(case, "skipped", message=said(row))
    for name, text in lost:
        xml.SubElement(_case(suite, name), "error", message=text)
    tree = xml.Element("testsuites")
    tree.append(suite)
    xml.indent(tree, " ")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + xml.tostring(tree, "unicode") + "\n"


def _case(suite, name):
    words = name.split()
    return xml.SubElement(suite, "testcase", classname=".".join(words[:-1]) or "dunelab",
                          name=words[-1])


def said(row):
    """Ratio, interval, p-value and reason in one line."""
    if row["ratio"] is None:
        return row["reason"]
    text = f"ratio {tables.ratio_text(stats.Ratio(row['ratio'], row['ci95'], ''))}"
    if row["p_holm"] is not None:
        text += f", p = {row['p_holm']:.2g} after Holm"
    return f"{text}; {row['reason']}" if row["reason"] else text


def read(text):
    """{(classname, name): "passed", "failure", "error" or "skipped"} of such XML."""
    found = {}
    for case in xml.fromstring(text).iter("testcase"):
        kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        found[case.get("classname"), case.get("name")] = kinds[0] if kinds else "passed"
    return found
