"""The chart: for each workload, wall time, CPU time and peak memory of each reflector as bars. Plain SVG, no library."""

from xml.sax.saxutils import escape

COLORS = {"heliostat": "#d97706", "journal": "#b45309", "floor": "#9ca3af", "bird": "#2563eb", "frr": "#059669", "gobgp": "#7c3aed",
          "openbgpd": "#be185d"}
COLUMNS = (("wall", "wall, s"), ("cpu", "CPU, s"), ("peak", "peak memory, MiB"))
LEFT, COLUMN, BAR, TOP = 96, 258, 16, 62
LABEL = 62  # right of the longest bar


def text(x, y, words, size=11, anchor="start", weight="normal", color="#111827"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" '
            f'fill="{color}">{escape(words)}</text>')


def number(value):
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.4f}"


def bars(rows, key, x, y):
    """One column of one workload: bars from zero, the longest as wide as the column allows."""
    longest = max((row[key] for row in rows if row.get(key) and row.get("wall") is not None), default=0)
    parts = []
    for at, row in enumerate(rows):
        top = y + at * BAR
        value = row.get(key) if row.get("wall") is not None else None
        if value is None:
            parts.append(text(x + 2, top + 11, "not in its time", color="#6b7280"))
            continue
        width = max(1.0, (COLUMN - LABEL - 16) * value / longest) if longest else 1.0
        color = COLORS.get(row["reflector"], "#374151")
        parts.append(f'<rect x="{x}" y="{top + 2}" width="{width:.1f}" height="{BAR - 4}" fill="{color}"/>')
        parts.append(text(x + width + 4, top + 11, number(value), 10))
    return parts


def chart(rows, titles, note):
    """SVG of `rows` in their order; `titles` {workload: text}."""
    workloads = list(dict.fromkeys(row["workload"] for row in rows))
    width = LEFT + COLUMN * len(COLUMNS)
    parts, y = [], TOP
    for workload in workloads:
        chosen = [row for row in rows if row["workload"] == workload]
        parts.append(text(12, y + 12, f"{workload}: {titles.get(workload, '')}", 12, weight="bold"))
        y += 20
        for at, row in enumerate(chosen):
            parts.append(text(LEFT - 8, y + at * BAR + 11, row["reflector"], anchor="end"))
        for column, (key, _) in enumerate(COLUMNS):
            parts += bars(chosen, key, LEFT + column * COLUMN, y)
        y += BAR * len(chosen) + 12
    head = [text(12, 22, "Heliostat and others, less is better", 15, weight="bold"), text(12, 40, note, 10, color="#4b5563")]
    head += [text(LEFT + column * COLUMN, 56, title, 11, weight="bold") for column, (_, title) in enumerate(COLUMNS)]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y + 6}" viewBox="0 0 {width} {y + 6}" '
            f'font-family="sans-serif">\n<rect width="100%" height="100%" fill="#ffffff"/>\n'
            + "\n".join(head + parts) + "\n</svg>\n")
