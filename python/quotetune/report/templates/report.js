"use strict";
// Shows the held-out responses: search, order, pages, and the sources of a quote. All text of the
// run goes through textContent, so that nothing in it is ever read as HTML.
(() => {
  const section = document.getElementById("responses");
  if (!section) return;
  const data = JSON.parse(document.getElementById("responses-data").textContent);
  const find = (id) => document.getElementById(id);
  const state = { words: [], page: 0, shown: [] };

  function element(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value !== null) made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  }

  // ---- What is shown ----

  const left = () => Number(find("left").value);
  const right = () => Number(find("right").value);
  const quip = (prompt, row) => prompt.responses[row]?.quip ?? -1;
  const longest = (prompt, row) => prompt.responses[row]?.longest ?? -1;
  const orders = {
    hash: null,
    gain: (a, b) => quip(b, right()) - quip(b, left()) - quip(a, right()) + quip(a, left()),
    loss: (a, b) => quip(a, right()) - quip(a, left()) - quip(b, right()) + quip(b, left()),
    quip: (a, b) => quip(b, right()) - quip(a, right()),
    longest: (a, b) => longest(b, right()) - longest(a, right()),
    name: (a, b) => a.text.localeCompare(b.text),
  };

  function plainText(part) {
    return typeof part === "string" ? part : part.s.map(([text]) => text).join("");
  }

  function sourceName(number) {
    const [title, source, id] = data.documents[number];
    return `${title ?? ""} ${source}/${id}`;
  }

  // Everything that a search goes through, made when it is first needed.
  function haystack(prompt) {
    if (prompt.haystack === undefined) {
      const pieces = [prompt.text, prompt.id];
      for (const response of prompt.responses) {
        if (!response) continue;
        pieces.push(response.parts.map(plainText).join(""));
        for (const part of response.parts) {
          for (const quote of part.q ?? []) {
            for (const source of quote[3]) pieces.push(sourceName([source].flat()[0]));
          }
        }
      }
      prompt.haystack = pieces.join("\n").toLowerCase();
    }
    return prompt.haystack;
  }

  function select() {
    const { words } = state;
    const found = data.prompts.filter((prompt) => words.every((w) => haystack(prompt).includes(w)));
    const order = orders[find("order").value];
    state.shown = order ? [...found].sort(order) : found;
    state.page = 0;
    draw();
  }

  // ---- Drawing a page ----

  function draw() {
    hide();
    const size = Number(find("size").value);
    const pages = Math.max(1, Math.ceil(state.shown.length / size));
    const first = state.page * size;
    const shown = state.shown.slice(first, first + size);
    const columns = [left(), right()];
    find("response-rows").replaceChildren(...shown.map((prompt) => row(prompt, columns)));
    find("left-heading").textContent = data.rows[columns[0]].label;
    find("right-heading").textContent = data.rows[columns[1]].label;
    find("found").textContent = state.shown.length
      ? `${first + 1} to ${first + shown.length} of ${state.shown.length} prompts`
      : "No prompt has all these words.";
    for (const pager of document.querySelectorAll(".pager")) {
      pager.hidden = pages === 1;
      pager.querySelector(".previous").disabled = state.page === 0;
      pager.querySelector(".next").disabled = state.page === pages - 1;
      pager.querySelector(".place").textContent = `Page ${state.page + 1} of ${pages}`;
    }
  }

  function row(prompt, columns) {
    const long = prompt.text.length > 300; // a passage to answer from, or to go on with
    const begin = long ? `${prompt.text.slice(0, 200)}…` : prompt.text;
    const heading = element("th", { scope: "row", role: "rowheader" }, begin);
    if (long) heading.append(folded("Whole prompt", prompt.text));
    if (prompt.reference) heading.append(folded("Reference", prompt.reference));
    return element("tr", { role: "row" }, heading, ...columns.map((c) => cell(prompt, c)));
  }

  function folded(name, text) {
    const inside = element("p", { class: "response" }, text);
    return element("details", {}, element("summary", {}, name), inside);
  }

  function cell(prompt, column) {
    const response = prompt.responses[column];
    const made = element("td", { role: "cell", "data-label": data.rows[column].label });
    if (!response) {
      made.append(element("p", { class: "numbers" }, "no response"));
      return made;
    }
    const text = element("p", { class: "response", dir: "auto" });
    for (const part of response.parts) {
      text.append(typeof part === "string" ? part : run(part, prompt));
    }
    if (!response.parts.length) text.append(element("i", {}, "(empty)"));
    made.append(element("p", { class: "numbers" }, numbers(response)), text);
    return made;
  }

  function numbers(response) {
    const said = [];
    if (response.quip === null) said.push("too short for a QUIP");
    else if (response.quip !== undefined) said.push(`QUIP ${(100 * response.quip).toFixed(1)}%`);
    if (response.longest) said.push(`longest quote ${response.longest}`);
    said.push(`${response.length} characters`);
    if (response.cut) said.push("cut");
    return said.join(" · ");
  }

  function run(part, prompt) {
    const mark = element("mark", {});
    for (const [text, level] of part.s) {
      mark.append(element("span", { class: `level-${level}` }, text));
    }
    if (part.q.length) {
      mark.setAttribute("role", "button");
      mark.setAttribute("tabindex", "0");
      mark.setAttribute("aria-haspopup", "dialog");
      mark.setAttribute("aria-expanded", "false");
      mark.details = { part, prompt };
      const own = part.q.some((quote) => quote[3].some((s) => isOwn(s, prompt)));
      if (own) mark.classList.add("own");
    }
    return mark;
  }

  const isOwn = (source, prompt) => prompt.documents.includes([source].flat()[0]);

  // ---- The sources of a quote ----

  const popup = find("sources");
  const popupBody = find("sources-body");
  let open = null; // the mark whose sources are shown
  let pinned = false;
  let timer = 0;

  function describe({ part, prompt }) {
    return part.q.map(([text, length, count, sources]) => {
      const quoted = text ?? plainText(part);
      const [, before, after] = [sources[0]].flat();
      const times = count === 1 ? "once" : `${count.toLocaleString("en")} times`;
      const context = element("p", { class: "context", dir: "auto" });
      context.append(before ?? "", element("b", {}, shorten(quoted)), after ?? "");
      const list = element("ul", {});
      for (const source of sources) list.append(sourceItem(source, prompt));
      if (count > sources.length) list.append(element("li", { class: "more" }, "…"));
      const heading = `${length} characters, ${times} in the corpus`;
      return element("div", { class: "quoted" }, element("h3", {}, heading), context, list);
    });
  }

  function shorten(text) {
    const characters = [...text];
    if (characters.length <= 400) return text;
    return `${characters.slice(0, 200).join("")} […] ${characters.slice(-150).join("")}`;
  }

  function sourceItem(source, prompt) {
    const [title, collection, id, url] = data.documents[[source].flat()[0]];
    // Only what a browser opens as a page: a corpus may hold any text as an address.
    const linked = url !== null && /^https?:\/\//i.test(url);
    const name = linked
      ? element("a", { href: url, rel: "noopener noreferrer", target: "_blank" }, title ?? id)
      : element("strong", {}, title ?? id);
    const item = element("li", {}, name, " ", element("small", {}, `${collection}/${id}`));
    if (isOwn(source, prompt)) {
      item.append(" ", element("span", { class: "badge" }, "the prompt’s own document"));
    }
    return item;
  }

  function show(mark, pin) {
    clearTimeout(timer);
    if (open !== mark) {
      hide();
      open = mark;
      popupBody.replaceChildren(...describe(mark.details));
      popup.hidden = false;
      place(mark);
      mark.setAttribute("aria-expanded", "true");
      mark.setAttribute("aria-describedby", "sources-body");
    }
    pinned = pinned || pin;
  }

  function hide() {
    clearTimeout(timer);
    if (open) {
      open.setAttribute("aria-expanded", "false");
      open.removeAttribute("aria-describedby");
    }
    open = null;
    pinned = false;
    popup.hidden = true;
  }

  // Below the quote's first line, or above it; a phone has it at the bottom (see the style sheet).
  function place(mark) {
    const box = mark.getClientRects()[0];
    const size = popup.getBoundingClientRect();
    const room = document.documentElement.clientWidth - size.width - 8;
    const below = box.bottom + size.height + 8 < window.innerHeight || box.top < size.height + 8;
    popup.style.left = `${Math.max(8, Math.min(box.left, room)) + window.scrollX}px`;
    popup.style.top = `${(below ? box.bottom + 6 : box.top - size.height - 6) + window.scrollY}px`;
  }

  function soon(action, after) {
    clearTimeout(timer);
    timer = setTimeout(action, after);
  }

  const markOf = (event) => event.target.closest?.("mark[role=button]");
  const table = find("response-rows");
  table.addEventListener("mouseover", (event) => {
    const mark = markOf(event);
    if (mark && !pinned) soon(() => show(mark, false), 80);
  });
  table.addEventListener("mouseout", (event) => {
    if (markOf(event) && !pinned) soon(hide, 250);
  });
  popup.addEventListener("mouseenter", () => clearTimeout(timer));
  popup.addEventListener("mouseleave", () => {
    if (!pinned && document.activeElement !== open) soon(hide, 250);
  });
  table.addEventListener("focusin", (event) => {
    const mark = markOf(event);
    if (mark && mark.matches(":focus-visible")) show(mark, false);
  });
  table.addEventListener("focusout", (event) => {
    if (!pinned && !popup.contains(event.relatedTarget)) soon(hide, 100);
  });
  table.addEventListener("click", (event) => {
    const mark = markOf(event);
    if (!mark) return;
    if (open === mark && pinned) hide();
    else show(mark, true);
  });
  table.addEventListener("keydown", (event) => {
    const mark = markOf(event);
    if (!mark || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    show(mark, true);
    popup.focus();
  });
  popup.addEventListener("keydown", (event) => {
    if (event.key !== "Tab") return;
    // The popup stands at the end of the page: leaving it goes on from the quote.
    const inside = [popup, ...popup.querySelectorAll("a, button")];
    const edge = event.shiftKey ? inside[0] : inside[inside.length - 1];
    if (document.activeElement === edge && open) {
      const mark = open;
      pinned = false;
      mark.focus();
      if (event.shiftKey) event.preventDefault();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !open) return;
    const mark = open;
    const inside = popup.contains(document.activeElement);
    hide();
    if (inside) {
      mark.focus();
      hide();
    }
  });
  document.addEventListener("click", (event) => {
    if (open && !markOf(event) && !popup.contains(event.target)) hide();
  });
  find("sources-close").addEventListener("click", () => {
    const mark = open;
    hide();
    mark?.focus();
    hide();
  });

  // ---- Controls ----

  for (const side of ["left", "right"]) {
    const labels = data.rows.map(({ label }, number) => element("option", { value: number }, label));
    find(side).append(...labels);
    find(side).value = section.dataset[side];
    find(side).addEventListener("change", select);
  }
  for (const id of ["order", "size"]) find(id).addEventListener("change", select);
  let typing = 0;
  find("search").addEventListener("input", (event) => {
    clearTimeout(typing);
    typing = setTimeout(() => {
      state.words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
      select();
    }, 150);
  });
  for (const pager of document.querySelectorAll(".pager")) {
    const turn = (by) => () => {
      state.page += by;
      draw();
      section.scrollIntoView();
    };
    pager.querySelector(".previous").addEventListener("click", turn(-1));
    pager.querySelector(".next").addEventListener("click", turn(1));
  }
  // What is folded up on the screen is printed whole.
  window.addEventListener("beforeprint", () => {
    for (const folded of document.querySelectorAll("main > section > details")) folded.open = true;
  });
  find("browser").hidden = false;
  select();
})();
