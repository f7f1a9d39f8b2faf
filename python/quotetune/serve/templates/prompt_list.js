// The list of a run's prompts: a page of those that a search finds.

const PROMPTS = 10; // on a page

// Returns a function that shows a page of prompts, and one that tells which prompt is open.
//   ask: asks the server
//   change(values): the person has changed the search, the order or the page
//   choose(number): the person has chosen a prompt
function promptList({ ask, change, choose }) {
  const find = (id) => document.getElementById(id);
  const search = find("prompt-search");
  const order = find("prompt-order");
  let page = null; // what is shown

  async function show(run, asked, signal) {
    const query = new URLSearchParams({ ...asked, count: PROMPTS });
    page = await ask(`runs/${encodeURIComponent(run)}/prompts?${query}`, undefined, signal);
    if (document.activeElement !== search) search.value = asked.search;
    order.value = asked.order;
    find("prompt-list").replaceChildren(...page.prompts.map(entry));
    const last = page.start + page.prompts.length;
    find("prompts-found").textContent = page.prompts.length
      ? `${page.start + 1} to ${last} of ${number(page.found)} prompts`
      : "No prompt contains all of these words.";
    const places = Math.max(1, Math.ceil(page.found / PROMPTS));
    pager.show(Math.floor(page.start / PROMPTS), places, "Page");
    return page.prompts;
  }

  function entry(prompt) {
    const change = [prompt.before, prompt.after].map((quip) => (quip === null ? "–" : percent(quip)));
    const made = element(
      "button",
      { type: "button", "data-number": prompt.number },
      element("span", { class: "prompt-text", dir: "auto" }, prompt.text || prompt.id),
      element("small", {}, `QUIP ${change.join(" → ")}`),
    );
    made.addEventListener("click", () => choose(prompt.number));
    return element("li", {}, made);
  }

  function tell(chosen) {
    for (const made of find("prompt-list").querySelectorAll("button")) {
      if (Number(made.dataset.number) === chosen) made.setAttribute("aria-current", "true");
      else made.removeAttribute("aria-current");
    }
  }

  const pager = pagerOf(find("prompts"), (by) => change({ start: page.start + by * PROMPTS }));
  let typing = 0;
  search.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => change({ search: search.value, start: 0 }), 200);
  });
  order.addEventListener("change", () => change({ order: order.value, start: 0 }));

  return { show, tell };
}
