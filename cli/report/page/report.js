// SPDX-License-Identifier: MIT
// Draws a chart above each table that asks for a chart. The table's first column is the x axis, and
// each further column is a series. The chart takes its numbers from the table, so both always agree.
"use strict";
(() => {
    const paper = window.matchMedia("print");
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    const charts = [];

    const color = (name) =>
        getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const seriesColor = (index) => color(`--series-${(index % 6) + 1}`);

    // Engineering notation with at most four digits: 331.6K, 35.5 µs.
    const short = (value, steps) => {
        let [unit, size] = steps[0];
        for (const [name, from] of steps)
            if (Math.abs(value) >= from) [unit, size] = [name, from];
        return `${Number((value / size).toPrecision(4))}${unit}`;
    };
    const texts = {
        count: (v) => short(v, [["", 1], ["K", 1e3], ["M", 1e6], ["G", 1e9]]),
        ns: (v) => short(v, [[" ns", 1], [" µs", 1e3], [" ms", 1e6], [" s", 1e9]]),
        plain: (v) => String(Number(v.toPrecision(6))),
    };

    // An axis of percentiles gives each further nine the same width.
    const nines = (percent) => -Math.log10(1 - Math.min(percent, 99.9999999) / 100);
    const ninesText = (x) => `${Number((100 * (1 - 10 ** -x)).toFixed(6))} %`;

    const cellValue = (cell) => {
        const data = cell && cell.querySelector("data");
        return data ? Number(data.value) : null;
    };

    function series(table, kind) {
        const heads = [...table.tHead.rows[0].cells].slice(1);
        const rows = [...table.tBodies[0].rows];
        return heads.map((head, column) => ({
            label: head.textContent.trim(),
            // The run's number: a run has the same color in all charts.
            color: seriesColor(Number(head.dataset.series ?? column)),
            dashed: head.dataset.dashed !== undefined,
            rowSeries: rows.map((row, index) => Number(row.dataset.series ?? index)),
            data: rows
                .map((row) => {
                    const x = cellValue(row.cells[0]);
                    const y = cellValue(row.cells[column + 1]);
                    if (kind.chart === "bar" || kind.x === "names")
                        return { x: row.cells[0].textContent.trim(), y };
                    return { x: kind.x === "percentile" ? nines(x) : x, y };
                })
                .filter((point) => point.y !== null && point.x !== null),
        }));
    }

    function axis(title, format) {
        return {
            title: { display: Boolean(title), text: title, color: color("--faint") },
            ticks: { color: color("--faint"), callback: format },
            grid: { color: color("--line"), borderColor: color("--line") },
        };
    }

    function xAxis(kind) {
        if (kind.chart === "bar" || kind.x === "names")
            return { ...axis(kind.xTitle), type: "category", ticks: { color: color("--faint") } };
        const x = { ...axis(kind.xTitle, (v) => texts.plain(v)), type: "linear" };
        if (kind.x !== "percentile")
            return x;
        x.ticks.callback = ninesText;
        x.min = 0;
        // 50 %, then one tick for each nine.
        x.afterBuildTicks = (scale) => {
            scale.ticks = [0, nines(50)];
            for (let nine = 1; nine <= scale.max; ++nine)
                scale.ticks.push(nine);
            scale.ticks = scale.ticks.map((value) => ({ value }));
        };
        return x;
    }

    function yAxis(kind) {
        const format = texts[kind.unit] ?? texts.plain;
        const y = axis(kind.yTitle, (v) => format(v));
        if (kind.y === "log") {
            y.type = "logarithmic";
            // Only the ticks at 1, 2 and 5 times a power of ten have a label.
            y.ticks.callback = (v) =>
                /^[125]/.test(Number(v).toExponential()) ? format(v) : "";
        } else {
            y.beginAtZero = true;
        }
        return y;
    }

    function settings(figure) {
        const kind = figure.dataset;
        const datasets = series(figure.querySelector("table"), kind);
        const format = texts[kind.unit] ?? texts.plain;
        for (const one of datasets) {
            one.borderColor = one.color;
            // Each bar is a run, and has its color.
            one.backgroundColor = kind.chart === "bar"
                ? one.rowSeries.map(seriesColor) : one.color;
            one.borderWidth = kind.chart === "bar" ? 0 : 2;
            one.pointRadius = one.data.length > 40 ? 0 : 2.5;
            one.maxBarThickness = 56;
            one.borderDash = one.dashed ? [5, 4] : [];
        }
        return {
            type: kind.chart,
            data: { datasets },
            options: {
                animation: false,
                maintainAspectRatio: false,
                interaction: { mode: "nearest", axis: "x", intersect: false },
                scales: { x: xAxis(kind), y: yAxis(kind) },
                plugins: {
                    legend: {
                        display: datasets.length > 1,
                        labels: { color: color("--ink"), boxWidth: 18, boxHeight: 2 },
                    },
                    tooltip: {
                        callbacks: {
                            title: (items) => (kind.x === "percentile"
                                ? ninesText(items[0].parsed.x) : items[0].label),
                            label: (item) => `${item.dataset.label}: ${format(item.parsed.y)}`,
                        },
                    },
                },
            },
        };
    }

    function draw() {
        while (charts.length > 0)
            charts.pop().destroy();
        for (const figure of document.querySelectorAll("figure[data-chart]")) {
            const plot = figure.querySelector(".plot");
            const canvas = document.createElement("canvas");
            canvas.setAttribute("role", "img");
            canvas.setAttribute("aria-label",
                `${figure.querySelector("figcaption").textContent}; the table below has its numbers`);
            plot.replaceChildren(canvas);
            charts.push(new Chart(canvas, settings(figure)));
        }
        document.documentElement.dataset.charts = String(charts.length);
    }

    const tables = (open) => {
        for (const details of document.querySelectorAll("figure details"))
            details.open = open;
    };

    // The page arrives with open tables, for readers without scripts. Here the charts replace them;
    // on paper the page shows both.
    tables(false);
    draw();
    dark.addEventListener("change", draw);
    window.addEventListener("beforeprint", () => tables(true));
    window.addEventListener("afterprint", () => tables(false));
    paper.addEventListener("change", draw);
})();
