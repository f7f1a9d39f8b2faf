// The view of a text: the form, the search, and the results.

// Starts the view. Returns a function that shows what the fragment of an address holds, and one that
// shows a text.
//   ask: asks the server
//   indexes: descriptions of the server's indexes
//   close(): closes what is open at a quote
//   reveal(): makes this the view that is shown
function textView({ ask, indexes, close, reveal }) {
  const find = (id) => document.getElementById(id);
  const LARGEST_FILE = 8 << 20; // bytes; the server takes less, and says so
  const input = find("input");
  const slider = find("shortest");
  const { say, fail } = voiceOf(input);
  let searching = new AbortController();
  let result = null; // what is shown: text, index, score, and the quotes of `least` characters or more

  // ---- Search ----

  const chosenIndex = () => indexes.find(({ name }) => name === find("index").value);

  async function search() {
    const text = input.value.toWellFormed();
    const index = chosenIndex();
    searching.abort();
    searching = new AbortController();
    if (!text.trim()) throw new Problem("There is no text: paste one.");
    say("Searching…");
    const least = Number(slider.value);
    const found = await findQuotes(ask, text, index, least, searching.signal);
    result = { text, index, least, ...found };
    show();
  }

  function forgetLink() {
    if (location.hash && !runAddress(location.hash)) history.replaceState(null, "", location.pathname + location.search);
  }

  // ---- Results ----

  function show() {
    const { text, index, score } = result;
    const counted = hasQuotes(index);
    const least = Number(slider.value);
    const quotes = result.quotes.filter(({ length }) => !counted || length >= least);
    close();
    showMarked(find("marked"), text, quotes, index);
    find("legend").replaceChildren(...legendItems(index));
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
    if (!file) return;
    reveal();
    take(file).catch(fail);
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

  async function showText({ text, index, shortest }) {
    input.value = text;
    if (indexes.some(({ name }) => name === index)) find("index").value = index;
    fitSlider(shortest);
    await search();
    scrollToResult();
  }

  async function openLink(fragment) {
    const linked = await unpacked(fragment);
    if (typeof linked?.text !== "string") return;
    const shortest = Number.isInteger(linked.shortest) ? linked.shortest : undefined;
    await showText({ ...linked, shortest });
  }

  find("index").append(...indexes.map(({ name }) => element("option", { value: name }, name)));
  find("index-label").hidden = indexes.length < 2;
  find("text-form").hidden = false;
  fitSlider();
  return {
    open: (fragment) => openLink(fragment).catch(fail),
    showText: (linked) => showText(linked).catch(fail),
  };
}
