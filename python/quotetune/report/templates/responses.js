// Shows the held-out responses: search, order and pages.
(() => {
  const section = document.getElementById("responses");
  const data = JSON.parse(document.getElementById("responses-data").textContent);
  const find = (id) => document.getElementById(id);
  const { run, hide } = quoteSources(data, find("response-rows"));
  const state = { words: [], page: 0, shown: [] };

  // ---- Selection ----

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

  function sourceName(number) {
    const [title, source, id] = data.documents[number];
    return `${title ?? ""} ${source}/${id}`;
  }

  // All text that a search looks through, gathered when it is first needed.
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
      : "No prompt matches all of these words.";
    for (const pager of document.querySelectorAll(".pager")) {
      pager.hidden = pages === 1;
      pager.querySelector(".previous").disabled = state.page === 0;
      pager.querySelector(".next").disabled = state.page === pages - 1;
      pager.querySelector(".place").textContent = `Page ${state.page + 1} of ${pages}`;
    }
  }

  function row(prompt, columns) {
    const long = prompt.text.length > 300; // a passage to answer from, or to continue
    const start = long ? `${prompt.text.slice(0, 200)}…` : prompt.text;
    const heading = element("th", { scope: "row", role: "rowheader" }, start);
    if (long) heading.append(folded("Whole prompt", prompt.text));
    if (prompt.reference) heading.append(folded("Reference", prompt.reference));
    return element("tr", { role: "row" }, heading, ...columns.map((c) => cell(prompt, c)));
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
    made.append(element("p", { class: "numbers" }, responseNumbers(response)), text);
    return made;
  }

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
  // Print also what is folded up on the screen.
  window.addEventListener("beforeprint", () => {
    for (const folded of document.querySelectorAll("main > section > details")) folded.open = true;
  });
  find("browser").hidden = false;
  select();
})();
