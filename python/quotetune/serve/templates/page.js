// Starts the page: the form, the search, and the results.
(() => {
  const find = (id) => document.getElementById(id);
  const factors = find("levels").dataset.levels.split(" ").map(Number);
  const LARGEST_FILE = 8 << 20; // bytes; the server takes less, and says so
  const NAMED = 5; // documents of a quote
  const input = find("input");
  const slider = find("shortest");
  let indexes = [];
  let searching = new AbortController();
  let result = null; // what is shown: text, index, score, and the quotes of `least` characters or more

  // ---- What the page says ----

  function say(text) {
    find("problem").textContent = "";
    find("status").textContent = text;
  }

  function fail(error) {
    if (error.name === "AbortError") return; // the person has asked for something else meanwhile
    find("status").textContent = "";
    find("problem").textContent =
      error instanceof Problem ? error.message : "The page has a fault; the console says more.";
    if (!(error instanceof Problem)) throw error;
  }

  function askForToken(wrong) {
    const form = find("token-form");
    form.hidden = false;
    find("problem").textContent = wrong ? "The server refuses this token." : "";
    find("token").focus();
    return new Promise((resolve) => {
      form.addEventListener(
        "submit",
        (event) => {
          event.preventDefault();
          form.hidden = true;
          find("problem").textContent = "";
          resolve(find("token").value.trim());
          find("token").value = "";
        },
        { once: true },
      );
    });
  }

  const ask = service(askForToken);

  // ---- Search ----

  const chosenIndex = () => indexes.find(({ name }) => name === find("index").value);
  const hasQuotes = (index) => index.structures.some((name) => name === "suffix" || name === "lean");
  const edgesOf = (index) => factors.map((factor) => Math.ceil(factor * index.n));

  async function search() {
    const text = input.value.toWellFormed();
    const index = chosenIndex();
    searching.abort();
    searching = new AbortController();
    const { signal } = searching;
    if (!text.trim()) throw new Problem("There is no text: paste one.");
    say("Searching…");
    const least = Number(slider.value);
    const scored = ask("score", { texts: [text], index: index.name }, signal);
    const traced = hasQuotes(index) ? quotesOf(text, index, least, signal) : null;
    const [scores, quotes] = await Promise.all([scored, traced]);
    const [score] = scores.results;
    const covered = score.covered.map(([start, end]) => ({ start, end, length: end - start }));
    result = { text, index, score, least, quotes: quotes ?? covered };
    show();
  }

  async function quotesOf(text, index, least, signal) {
    const body = { texts: [text], index: index.name, min_chars: least, max_documents: NAMED };
    // Only such an index has quotes that differ from the text in the document.
    if (index.normalization.startsWith("fold")) body.snippet_chars = 1;
    const { results } = await ask("trace", body, signal);
    const [{ quotes }] = results;
    for (const quote of quotes) quote.length = characterCount(quote.text);
    return quotes;
  }

  function forgetLink() {
    if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  }

  // ---- Results ----

  function show() {
    const { text, index, score } = result;
    const counted = hasQuotes(index);
    const least = Number(slider.value);
    const quotes = result.quotes.filter(({ length }) => !counted || length >= least);
    hideBox();
    panel.close();
    const edges = edgesOf(index);
    showMarked(find("marked"), text, quotes, edges);
    find("legend").replaceChildren(...legendItems(edges, counted));
    find("quip").textContent = score.too_short ? "–" : percent(score.quip_25_beta);
    find("quip-note").textContent = score.too_short
      ? `The text is shorter than an n-gram of ${index.n} characters`
      : `${number(score.numerator)} of ${number(score.denominator)} n-grams of ${index.n} characters`;
    find("coverage").textContent = percent(coverage(quotes, characterCount(text)));
    const longest = quotes.reduce((most, { length }) => Math.max(most, length), 0);
    find("longest").textContent = longest ? number(longest) : "–";
    find("shortest-label").hidden = find("copy-cited").hidden = !counted;
    find("result").hidden = false;
    say(summary(quotes.length, counted ? least : index.n, counted));
  }

  function summary(quotes, least, counted) {
    if (!quotes) return `Nothing of ${least} characters or more occurs in the corpus.`;
    if (!counted) return "The marked parts occur in the corpus. This index cannot tell where.";
    const found = quotes === 1 ? "1 quote" : `${number(quotes)} quotes`;
    return `${found} of ${least} characters or more.`;
  }

  const number = (value) => value.toLocaleString("en");
  const percent = (share) => `${(100 * share).toFixed(1)}%`;

  const panel = documentPanel({
    ask,
    say,
    fail,
    left(mark) {
      mark.focus({ preventScroll: true });
      hideBox();
    },
  });
  const hideBox = quoteBox(find("marked"), quoteSummary, (mark) =>
    panel.open(mark, result.index, edgesOf(result.index)),
  );

  // ---- Controls ----

  function tell() {
    find("shortest-shown").textContent = `${slider.value} characters`;
    slider.setAttribute("aria-valuetext", `${slider.value} characters`);
  }

  function fitSlider(value) {
    const index = chosenIndex();
    [slider.min, slider.max] = [shortestQuote(index), 8 * index.n];
    slider.value = value ?? index.n;
    tell();
  }

  function begin(text) {
    if (text !== undefined) input.value = text;
    forgetLink();
    return search().then(scrollToResult);
  }

  function scrollToResult() {
    const room = window.innerHeight - find("result").getBoundingClientRect().top;
    if (room < 250) find("result").scrollIntoView();
  }

  find("text-form").addEventListener("submit", (event) => {
    event.preventDefault();
    begin().catch(fail);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) begin().catch(fail);
  });
  find("index").addEventListener("change", () => {
    fitSlider();
    if (result) begin().catch(fail);
  });
  let sliding = 0;
  slider.addEventListener("input", () => {
    tell();
    clearTimeout(sliding);
    sliding = setTimeout(() => {
      forgetLink();
      // Quotes of more characters are among those that are here.
      if (Number(slider.value) >= result.least) show();
      else search().catch(fail);
    }, 150);
  });

  async function take(file) {
    if (file.size > LARGEST_FILE) throw new Problem(`${file.name} is too large.`);
    let text;
    try {
      text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
    } catch {
      throw new Problem(`${file.name} is not text in UTF-8.`);
    }
    await begin(text);
  }

  find("choose-file").addEventListener("click", () => find("file").click());
  find("file").addEventListener("change", () => {
    const [file] = find("file").files;
    if (file) take(file).catch(fail);
    find("file").value = ""; // so that the same file can be opened again
  });
  const holdsFile = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!holdsFile(event)) return;
    event.preventDefault(); // otherwise the browser leaves the page and opens the file
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  document.addEventListener("drop", (event) => {
    if (!holdsFile(event)) return;
    event.preventDefault();
    document.body.classList.remove("dropping");
    const [file] = event.dataTransfer.files;
    if (file && indexes.length) take(file).catch(fail);
  });

  find("copy-cited").addEventListener("click", async () => {
    try {
      const body = { texts: [result.text], index: result.index.name, min_chars: Number(slider.value) };
      const { results } = await ask("cite", body);
      const copied = await copyText(markdown(results[0]), find("by-hand"));
      if (copied) say("Copied as Markdown with footnotes.");
    } catch (error) {
      fail(error);
    }
  });
  find("copy-link").addEventListener("click", async () => {
    const { text, index } = result;
    try {
      const link = await packed({ text, index: index.name, shortest: Number(slider.value) });
      if (link === null) throw new Problem("The text is too long for a link: it has more than 8 KB.");
      history.replaceState(null, "", link);
      if (await copyText(location.href, find("by-hand"))) say("Copied a link that contains the text.");
    } catch (error) {
      fail(error);
    }
  });

  // ---- Start ----

  async function openLink() {
    const linked = await unpacked(location.hash);
    if (typeof linked?.text !== "string") return;
    input.value = linked.text;
    if (indexes.some(({ name }) => name === linked.index)) find("index").value = linked.index;
    fitSlider(Number.isInteger(linked.shortest) ? linked.shortest : undefined);
    await search();
    scrollToResult();
  }

  async function start() {
    ({ indexes } = await ask("indexes"));
    find("index").append(...indexes.map(({ name }) => element("option", { value: name }, name)));
    find("index-label").hidden = indexes.length < 2;
    find("text-form").hidden = false;
    fitSlider();
    await openLink();
  }

  window.addEventListener("hashchange", () => openLink().catch(fail));
  start().catch(fail);
})();
