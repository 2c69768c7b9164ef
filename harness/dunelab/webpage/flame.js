// SPDX-License-Identifier: MIT
// Flame graphs: says below the picture what is under the pointer; a click makes a box the whole width.
"use strict";
for (const svg of document.querySelectorAll("svg.flame")) {
	const whole = svg.viewBox.baseVal.width, letter = 6.4, gap = 0.4;
	const said = svg.closest(".scroll").nextElementSibling;
	const boxes = [...svg.querySelectorAll("g")].map(g => {
		const rect = g.querySelector("rect"), words = g.querySelector("title").textContent;
		g.tabIndex = 0;
		return {g, rect, words, name: words.split("\n")[0], x: +g.dataset.begin,
			w: +g.dataset.count};
	});

	function label(box, x, w) {
		let text = box.g.querySelector("text");
		const room = Math.floor((w - 6) / letter);
		if (!text) {
			text = document.createElementNS(svg.namespaceURI, "text");
			text.setAttribute("y", +box.rect.getAttribute("y") + 12);
			box.g.append(text);
		}
		text.setAttribute("x", x + 3);
		text.textContent = room < 3 ? "" :
			box.name.length <= room ? box.name : box.name.slice(0, room - 2) + "..";
	}

	function zoom(to) {
		const scale = whole / to.w, end = to.x + to.w;
		for (const box of boxes) {
			const inside = box.x >= to.x && box.x + box.w <= end;
			const around = box.x <= to.x && box.x + box.w >= end;
			box.g.style.display = inside || around ? "" : "none";
			const x = around ? 0 : (box.x - to.x) * scale, w = around ? whole : box.w * scale;
			box.rect.setAttribute("x", x);
			box.rect.setAttribute("width", Math.max(w - gap, 0.2));
			label(box, x, w);
		}
	}

	for (const box of boxes) {
		for (const kind of ["pointerenter", "focus"])
			box.g.addEventListener(kind, () => said.textContent = box.words.replace("\n", ": "));
		box.g.addEventListener("click", () => zoom(box));
		box.g.addEventListener("keydown", event => event.key === "Enter" && zoom(box));
	}
	svg.addEventListener("keydown", event => event.key === "Escape" && zoom(boxes[0]));
}
