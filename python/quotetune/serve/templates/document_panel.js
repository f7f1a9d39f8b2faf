// The panel that shows the document around a quote.

const AROUND = 400; // characters on either side of the quote
const MORE_AROUND = 2000;
const MOST_SHOWN_DOCUMENTS = 3; // in the box at a quote

function metadataText(document, key) {
  const value = document.metadata[key];
  return typeof value === "string" && value ? value : null;
}

function nameOf(document) {
  const [title, url] = [metadataText(document, "title"), metadataText(document, "url")];
  return documentName(title, url, document.source, document.id);
}

// What the box at a quote shows: occurrences and the first documents.
function quoteSummary({ quotes }) {
  const [quote] = quotes;
  const list = element("ul", {});
  for (const document of quote.documents.slice(0, MOST_SHOWN_DOCUMENTS)) {
    list.append(element("li", {}, ...nameOf(document)));
  }
  if (quote.count > list.children.length) list.append(element("li", { class: "more" }, "…"));
  const heading = element("h3", {}, quoteHeading(quote.length, quote.count));
  const context = element("p", { class: "context", dir: "auto" });
  context.append(element("b", {}, shorten(quote.text)));
  const hints = ["Click it, or press Enter, to read the document."];
  const others = quotes.length - 1;
  if (others) hints.unshift(`It overlaps ${others === 1 ? "another quote" : `${others} quotes`}.`);
  const hint = element("p", { class: "soft hint" }, hints.join(" "));
  return [element("div", { class: "quoted" }, heading, context, list, hint)];
}

// Returns a function that opens the panel at a mark, beside the text, and one that closes it.
//   ask: asks the server
//   left(mark): the panel was closed from inside
function documentPanel({ ask, left }) {
  const panel = document.getElementById("panel");
  const heading = document.getElementById("panel-heading");
  const body = document.getElementById("panel-body");
  let mark = null; // the one whose quotes are shown
  let index = null;
  let voice = null; // that of the view
  let loading = new AbortController();

  function open(opened) {
    close();
    [mark, index, voice] = [opened, indexOf(opened), voiceOf(opened)];
    mark.closest(".reading").append(panel);
    mark.setAttribute("aria-expanded", "true");
    mark.setAttribute("aria-current", "true");
    panel.hidden = false;
    const parts = element("div", {});
    const choose = (quote) => showQuote(quote, parts);
    const names = mark.quotes.map((quote) => `${quote.length}: ${shorten(quote.text).slice(0, 60)}`);
    body.replaceChildren(...choice("Quotes here, by length", mark.quotes, names, choose), parts);
    choose(mark.quotes[0]);
    panel.focus();
    mark.scrollIntoView({ block: "nearest" });
  }

  function close() {
    loading.abort();
    panel.hidden = true;
    mark?.setAttribute("aria-expanded", "false");
    mark?.removeAttribute("aria-current");
    mark = null;
  }

  // A list to choose from; nothing if there is no choice.
  function choice(label, values, names, choose) {
    if (values.length < 2) return [];
    const options = names.map((name, number) => element("option", { value: number }, name));
    const select = element("select", {}, ...options);
    select.addEventListener("change", () => choose(values[Number(select.value)]));
    return [element("label", { class: "choice" }, label, select)];
  }

  function showQuote(quote, area) {
    heading.textContent = quoteHeading(quote.length, quote.count);
    const { documents } = quote;
    if (!documents.length) {
      area.replaceChildren(element("p", {}, "The server names no document."));
      return;
    }
    const parts = element("div", {});
    const choose = (chosen) => showDocument(quote, chosen, parts, AROUND);
    const names = documents.map((one) => metadataText(one, "title") ?? `${one.source}/${one.id}`);
    const label = quote.count > documents.length ? "First documents" : "Documents";
    area.replaceChildren(...choice(label, documents, names, choose), parts);
    choose(documents[0]);
  }

  async function showDocument(quote, found, area, around) {
    loading.abort();
    loading = new AbortController();
    const { source, id, offset } = found;
    // An index that folds typography has a quote of another length in the document.
    const end = offset + characterCount(found.snippets?.[0].quote ?? quote.text);
    const start = Math.max(offset - around, 0);
    const query = new URLSearchParams({ source, id, index: index.name, start, end: end + around });
    try {
      const part = await ask(`documents?${query}`, undefined, loading.signal);
      const focused = area.contains(document.activeElement);
      area.replaceChildren(...passage(part, quote, found, end));
      const whole = start === 0 && end + around >= part.characters;
      const more = button("Show more", () => showDocument(quote, found, area, around + MORE_AROUND));
      if (!whole) area.querySelector(".controls").prepend(more);
      // The button that was pressed is gone.
      if (focused) area.querySelector(".excerpt").focus();
      panel.scrollIntoView({ block: "nearest" });
    } catch (error) {
      voice.fail(error);
    }
  }

  function passage(part, quote, found, end) {
    const characters = [...part.text];
    const cut = (from, to) => characters.slice(from, to).join("");
    const [first, last] = [found.offset - part.start, end - part.start];
    const quoted = cut(first, last);
    const excerpt = element("div", {
      class: "excerpt response",
      dir: "auto",
      tabindex: "0",
      role: "region",
      "aria-label": "The document around the quote",
    });
    const before = (part.start ? "…" : "") + cut(0, first);
    const after = cut(last) + (part.start + characters.length < part.characters ? "…" : "");
    const level = levelOf(quote.length, edgesOf(index));
    const inside = element("span", { class: `level-${level}` }, quoted);
    excerpt.append(before, element("mark", {}, inside), after);
    const byHand = element("div", { class: "by-hand" });
    const copies = element(
      "div",
      { class: "controls", role: "group", "aria-label": "Copy as Markdown with footnotes" },
      button("Copy quote", () => copyCited(quoted, byHand)),
      button("Copy passage", () => copyCited(part.text, byHand)),
    );
    return [element("p", {}, ...nameOf(found)), excerpt, copies, byHand];
  }

  function button(name, action) {
    const made = element("button", { type: "button" }, name);
    made.addEventListener("click", action);
    return made;
  }

  async function copyCited(text, area) {
    try {
      // All of it is one quote, so any length finds it.
      const body = { texts: [text], index: index.name, min_chars: shortestQuote(index) };
      const { results } = await ask("cite", body);
      if (await copyText(markdown(results[0]), area)) voice.say("Copied as Markdown with footnotes.");
    } catch (error) {
      voice.fail(error);
    }
  }

  function leave() {
    const from = mark;
    close();
    left(from);
  }

  document.getElementById("panel-close").addEventListener("click", leave);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && mark) leave();
  });
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Tab") return;
    // The panel comes after the whole text, but Tab out of it must continue from the quote.
    const inside = [panel, ...panel.querySelectorAll("a, button, select, textarea, [tabindex='0']")];
    const edge = event.shiftKey ? inside[0] : inside.at(-1);
    if (document.activeElement !== edge) return;
    left(mark);
    if (event.shiftKey) event.preventDefault();
  });

  return { open, close };
}
