// SPDX-License-Identifier: MIT
// Shows the values under the pointer: it reads the CSV that the figure's link downloads, nothing else.
"use strict";
for (const figure of document.querySelectorAll("figure")) {
	const svg = figure.querySelector("svg[data-hover]"), link = figure.querySelector("a[download]");
	if (!svg || !link)
		continue;
	const column = +svg.dataset.head;
	let rows, head, chosen = -1;
	const box = document.createElement("div"), marks = document.createElementNS(svg.namespaceURI, "g");
	box.className = "values";
	box.setAttribute("role", "status");
	box.hidden = true;
	figure.append(box);
	svg.append(marks);

	function scale(words) {
		const [kind, ...rest] = words.split(" "), [low, high, from, to] = rest.map(Number);
		const f = kind === "log" ? Math.log : Number;
		return value => from + (f(value) - f(low)) / (f(high) - f(low)) * (to - from);
	}
	const x = scale(svg.dataset.x), y = scale(svg.dataset.y);

	function load() {
		const text = decodeURIComponent(link.getAttribute("href").replace(/^[^,]*,/, ""));
		const lines = text.trim().split("\n").map(line =>
			[...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)]
				.map(found => found[1] === undefined ? found[2] : found[1].replace(/""/g, '"')));
		head = lines.shift();
		rows = lines.filter(row => row[1] !== "" && row[2] !== "")
			.map(row => ({row, name: row[0], x: x(+row[1]), y: y(+row[2])}))
			.filter(point => isFinite(point.x) && isFinite(point.y));
	}

	function number(text) {
		return text === "" || isNaN(text) ? text : (+text).toLocaleString("en", {maximumSignificantDigits: 6});
	}

	function near(px, py) {
		const mode = svg.dataset.hover, best = new Map();
		for (const point of rows) {
			let far = Math.abs(point.x - px);
			if (mode === "near")
				far = Math.hypot(far, point.y - py);
			if (mode === "cell") {
				const inside = px >= point.x && px < x(+point.row[3]) &&
					py <= point.y && py > y(+point.row[4]);
				far = inside ? 0 : Infinity;
			}
			const key = mode === "x" ? point.name : "";
			if (far < 60 && (!best.has(key) || far < best.get(key).far))
				best.set(key, {far, point});
		}
		return [...best.values()].map(found => found.point);
	}

	function show(px, py) {
		if (!rows)
			load();
		const found = near(px, py);
		marks.replaceChildren();
		box.hidden = !found.length;
		if (!found.length)
			return;
		const first = found.reduce((a, b) => Math.abs(a.x - px) <= Math.abs(b.x - px) ? a : b);
		const title = document.createElement("b");
		title.textContent = `${head[column]} ${number(first.row[column])}`;
		box.replaceChildren(title);
		for (const point of found) {
			const line = document.createElement("div"), text = document.createElement("span");
			const layer = [...svg.querySelectorAll("g[data-series]")]
				.find(item => item.dataset.series === point.name);
			line.className = layer ? layer.getAttribute("class") : "";
			const more = point.row.map((cell, i) => cell === "" || i < 3 || i === column ? "" :
				`${head[i]} ${number(cell)}`).filter(Boolean);
			if (point.row[column] !== first.row[column])
				more.unshift(`at ${number(point.row[column])}`);
			text.textContent = `${point.name} ${number(point.row[2])}` + more.map(word => ` · ${word}`).join("");
			line.append(text);
			box.append(line);
			if (svg.dataset.hover !== "cell")
				draw("circle", {class: "spot", cx: point.x, cy: point.y, r: 4.5});
		}
		const across = svg.dataset.y.split(" ");
		if (svg.dataset.hover === "x")
			draw("path", {class: "cursor", d: `M${first.x} ${across[3]}V${across[4]}`});
		const area = svg.getBoundingClientRect(), whole = figure.getBoundingClientRect();
		const ratio = area.width / svg.viewBox.baseVal.width, at = first.x * ratio + area.left - whole.left;
		box.style.top = `${area.top - whole.top + 6}px`;
		const wide = box.offsetWidth;
		const left = first.x > svg.viewBox.baseVal.width / 2 ? at - 12 - wide : at + 12;
		box.style.left = `${Math.max(0, Math.min(left, whole.width - wide))}px`;
	}

	function draw(kind, attributes) {
		const mark = document.createElementNS(svg.namespaceURI, kind);
		for (const name in attributes)
			mark.setAttribute(name, attributes[name]);
		marks.append(mark);
	}

	function hide() {
		box.hidden = true;
		chosen = -1;
		marks.replaceChildren();
	}

	for (const kind of ["pointermove", "pointerdown"])
		svg.addEventListener(kind, event => {
			const area = svg.getBoundingClientRect(), ratio = svg.viewBox.baseVal.width / area.width;
			show((event.clientX - area.left) * ratio, (event.clientY - area.top) * ratio);
		});
	svg.addEventListener("pointerleave", event => event.pointerType === "mouse" && hide());
	svg.addEventListener("blur", hide);
	svg.addEventListener("keydown", event => {
		const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
		if (!step)
			return event.key === "Escape" && hide();
		if (!rows)
			load();
		const order = [...rows].sort((a, b) => a.x - b.x);
		chosen = Math.min(order.length - 1, Math.max(0, chosen + step));
		const cell = svg.dataset.hover === "cell" ? 0.5 : 0;
		if (order.length)
			show(order[chosen].x + cell, order[chosen].y - cell);
		event.preventDefault();
	});
}
