// The responses of a run to a prompt, side by side, with their quotes.

// Returns a function that shows a prompt, and one that forgets the rows that the person has chosen.
//   ask: asks the server
//   close(): closes what is open at a quote
//   change(values): the person wants another response to the prompt
//   openText(text, index): opens a response in the view of a text
function runResponses({ ask, close, change, openText }) {
  const find = (id) => document.getElementById(id);
  const { fail } = voiceOf(find("prompt"));
  let rows = []; // of the run
  let index = null; // in which the quotes are found, if the server has it
  let chosen = new Set(); // the keys of the rows that are shown
  let prompt = null;
  let marking = new AbortController();

  // Starts with the policies. What they are compared with can be added.
  function begin(run, searched) {
    marking.abort();
    [rows, index, prompt] = [run.rows, searched, null];
    chosen = new Set(rows.filter(({ policy }) => policy).map(({ key }) => key));
    find("rows").replaceChildren(element("legend", {}, "Show"), ...rows.map(choice));
    find("rows").hidden = rows.length < 3;
    find("run-legend").replaceChildren(...(index ? legendItems(index) : []));
    find("prompt").hidden = true;
  }

  function choice({ key, label }) {
    const box = element("input", { type: "checkbox" });
    box.checked = chosen.has(key);
    box.addEventListener("change", () => {
      if (box.checked) chosen.add(key);
      else chosen.delete(key);
      draw();
    });
    return element("label", {}, box, label);
  }

  async function show(run, asked, signal) {
    const query = new URLSearchParams({ sample: asked.sample });
    const path = `runs/${encodeURIComponent(run)}/prompts/${asked.prompt}?${query}`;
    prompt = await ask(path, undefined, signal);
    const long = prompt.text.length > 300; // a passage to answer from, or to continue
    find("prompt-heading").textContent = long ? `${prompt.text.slice(0, 200)}…` : prompt.text || prompt.id;
    const parts = long ? [folded("Whole prompt", prompt.text)] : [];
    if (prompt.reference) parts.push(folded("Reference", prompt.reference));
    find("prompt-parts").replaceChildren(...parts);
    pager.show(prompt.sample, prompt.samples, "Response");
    find("prompt").hidden = false;
    draw();
  }

  function draw() {
    if (prompt === null) return;
    close();
    marking.abort();
    marking = new AbortController();
    const shown = rows.filter(({ key }) => chosen.has(key));
    find("answers").replaceChildren(...shown.map(answer));
  }

  function answer({ key, label }) {
    const response = prompt.responses[key];
    const heading = element("h4", { id: `answer-${key}` }, label);
    const made = element("article", { class: "answer", "aria-labelledby": heading.id }, heading);
    if (response === null) {
      made.append(element("p", { class: "numbers" }, "no response"));
      return made;
    }
    const name = `Response of ${label} with its quotes`;
    const area = element("div", { class: "response", role: "group", "aria-label": name });
    if (response.text) area.append(response.text);
    else area.append(element("i", {}, "(empty)"));
    const open = element("button", { type: "button" }, "Open as a text");
    open.addEventListener("click", () => openText(response.text, index));
    open.disabled = !response.text.trim();
    made.append(element("p", { class: "numbers" }, responseNumbers(response)), area, open);
    mark(area, response.text).catch(fail);
    return made;
  }

  async function mark(area, text) {
    if (index === null || !text.trim()) return;
    const { quotes } = await findQuotes(ask, text, index, index.n, marking.signal);
    showMarked(area, text, quotes, index);
  }

  const pager = pagerOf(find("prompt"), (by) => change({ sample: prompt.sample + by }));
  return { begin, show };
}
