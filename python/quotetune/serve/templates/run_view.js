// The view of a run: its figures, its prompts, and the responses to one of them. The fragment of the
// address says what is shown.

const START = { search: "", order: "split", start: 0, prompt: null, sample: 0 };

// Returns what a fragment says of a run; null if it is of another view.
function runAddress(fragment) {
  if (!fragment.startsWith("#run=")) return null;
  const given = new URLSearchParams(fragment.slice(1));
  const place = (name) => (/^\d{1,9}$/.test(given.get(name) ?? "") ? Number(given.get(name)) : START[name]);
  return {
    run: given.get("run"),
    search: (given.get("search") ?? START.search).slice(0, 1000),
    order: ["gain", "loss"].includes(given.get("order")) ? given.get("order") : START.order,
    start: place("start"),
    prompt: place("prompt"),
    sample: place("sample"),
  };
}

function runFragment(state) {
  const given = Object.entries(state).filter(([name, value]) => value !== START[name]);
  return `#${new URLSearchParams(given)}`;
}

// Starts the view. Returns a function that shows what an address says.
//   ask: asks the server
//   indexes, runs: descriptions of those of the server
//   close(): closes what is open at a quote
//   openText(text, index): opens a response in the view of a text
function runView({ ask, indexes, runs, close, openText }) {
  const find = (id) => document.getElementById(id);
  const view = find("run").closest("[data-view]");
  const { say, fail } = voiceOf(view);
  let state = null; // what the address says
  let shown = {}; // what the page shows: JSON of the parts of the state
  let asking = new AbortController();

  const list = promptList({ ask, change, choose: (prompt) => change({ prompt, sample: 0 }, true) });
  const responses = runResponses({ ask, close, change, openText });

  // ---- What is shown ----

  async function refresh() {
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    const { run, search, order, start } = state;
    find("views").querySelector("[data-leads=runs]").href = runFragment(state);
    say("Loading…");
    find("run-again").hidden = true;
    try {
      await part("run", run, () => showRun(run, signal));
      const asked = { search, order, start };
      await part("list", asked, async () => {
        const prompts = await list.show(run, asked, signal);
        state.prompt ??= prompts[0]?.number ?? null;
      });
      list.tell(state.prompt);
      const { prompt, sample } = state;
      if (prompt !== null) {
        await part("prompt", { prompt, sample }, () => responses.show(run, { prompt, sample }, signal));
      }
      say("");
    } catch (error) {
      if (error.name !== "AbortError") find("run-again").hidden = false;
      fail(error);
    }
  }

  // Shows a part of the page, unless it is there already.
  async function part(name, asked, show) {
    const wanted = JSON.stringify(asked);
    if (shown[name] === wanted) return;
    delete shown[name];
    await show();
    shown[name] = wanted;
  }

  async function showRun(name, signal) {
    shown = {};
    find("run").hidden = true;
    for (const id of ["run-lead", "run-facts", "run-notes"]) find(id).replaceChildren();
    find("run-name").textContent = name;
    find("run-choice").value = name;
    const run = await ask(`runs/${encodeURIComponent(name)}`, undefined, signal);
    find("run-lead").textContent = run.lead;
    find("run-facts").textContent = run.facts.join(" · ");
    find("run-notes").append(...run.notes.map((note) => element("p", {}, note)));
    const links = run.sections.map(({ id, heading }) => element("a", { href: `#${id}` }, heading));
    find("run-sections").replaceChildren(...links.map((link) => element("li", {}, link)));
    find("run-cards").replaceChildren(...nodesOf(run.cards));
    find("run-figures").replaceChildren(...nodesOf(run.figures));
    responses.begin(run, indexes.find((index) => index.name === run.index) ?? null);
    find("run").hidden = false;
  }

  // ---- What the person does ----

  // Puts other values into the address, as a new one to go back from if it is another prompt or run.
  async function change(values, isStep = false) {
    if (view.hidden) return; // what was typed last comes after the person has left
    state = { ...state, ...values };
    if (isStep) history.pushState(null, "", runFragment(state));
    else history.replaceState(null, "", runFragment(state));
    await refresh();
    if ("prompt" in values && values.prompt !== null) showPrompt();
  }

  function showPrompt() {
    const heading = find("prompt-heading");
    heading.focus({ preventScroll: true });
    const { top, bottom } = heading.getBoundingClientRect();
    if (top < 0 || bottom > window.innerHeight * 0.6) heading.scrollIntoView();
  }

  find("run-choice").append(...runs.map(({ name, finished }) =>
    element("option", { value: name }, finished ? name : `${name} (not finished)`),
  ));
  find("run-choice-label").hidden = runs.length < 2;
  find("run-choice").addEventListener("change", () =>
    change({ ...START, run: find("run-choice").value }, true),
  );
  find("run-again").addEventListener("click", refresh);

  return function open(address) {
    const known = runs.some(({ name }) => name === address.run);
    if (!known && address.run) {
      fail(new Problem("This server has no run of this name."));
      find("run").hidden = true;
      return;
    }
    state = known ? address : { ...address, run: runs[0].name };
    return refresh();
  };
}
