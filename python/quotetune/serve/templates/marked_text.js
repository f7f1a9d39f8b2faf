// Shows a text with its quotes marked by length (colour) and rarity (underline).

// The server counts places in code points, and JavaScript in UTF-16 units.
function unitPlaces(text) {
  if (!/[\ud800-\udfff]/.test(text)) return (place) => place;
  const units = [];
  let at = 0;
  for (const character of text) {
    units.push(at);
    at += character.length;
  }
  units.push(at);
  return (place) => units[place];
}

const characterCount = (text) => [...text].length;

// Gives each place to the longest quote that covers it. A quote of which longer ones cover every
// place gets no stretch of its own, but those beside it name it.
// A quote has a start, an end and a length; the last counts the characters of the corpus.
// Returns stretches: start, end, and the quotes in it, the longest first.
function stretches(quotes) {
  const sorted = [...quotes].sort((a, b) => a.start - b.start || a.end - b.end);
  const bounds = [...new Set(sorted.flatMap(({ start, end }) => [start, end]))].sort((a, b) => a - b);
  const found = [];
  let open = [];
  let next = 0;
  for (let number = 0; number + 1 < bounds.length; number++) {
    const [start, end] = [bounds[number], bounds[number + 1]];
    open = open.filter((quote) => quote.end > start);
    while (next < sorted.length && sorted[next].start <= start) open.push(sorted[next++]);
    if (!open.length) continue;
    const longest = open.reduce((a, b) => (b.length > a.length ? b : a));
    const last = found.at(-1);
    if (last && last.end === start && last.longest === longest) {
      last.end = end;
      for (const quote of open) last.inside.add(quote);
    } else {
      found.push({ start, end, longest, inside: new Set(open) });
    }
  }
  return found.map(({ start, end, longest, inside }) => {
    const others = [...inside].filter((quote) => quote !== longest);
    others.sort((a, b) => b.length - a.length);
    return { start, end, quotes: [longest, ...others] };
  });
}

// Returns the share of a text's characters that are inside quotes.
function coverage(quotes, characters) {
  let covered = 0;
  for (const { start, end } of stretches(quotes)) covered += end - start;
  return characters ? covered / characters : 0;
}

const MOST_OF_FEW = 10;

function rarityOf(count) {
  if (count === 1) return "once";
  return count <= MOST_OF_FEW ? "few" : "many";
}

function levelOf(length, edges) {
  return edges.slice(1).filter((edge) => length >= edge).length;
}

// The lengths at which the colour changes, in an index.
function edgesOf(index) {
  const factors = document.getElementById("levels").dataset.levels.split(" ").map(Number);
  return factors.map((factor) => Math.ceil(factor * index.n));
}

// Fills an area with a text and its quotes in an index, which the area remembers. A quote without a
// count is a stretch that a filter reports, so nothing is known of it.
function showMarked(area, text, quotes, index) {
  const edges = edgesOf(index);
  const unit = unitPlaces(text);
  const shown = document.createDocumentFragment();
  let done = 0;
  for (const stretch of stretches(quotes)) {
    const [start, end] = [unit(stretch.start), unit(stretch.end)];
    const [longest] = stretch.quotes;
    const level = levelOf(longest.length, edges);
    const inside = element("span", { class: `level-${level}` }, text.slice(start, end));
    const mark = element("mark", {}, inside);
    if (longest.count !== undefined) {
      mark.classList.add(rarityOf(longest.count));
      mark.setAttribute("role", "button");
      mark.setAttribute("tabindex", "0");
      mark.setAttribute("aria-haspopup", "dialog");
      mark.setAttribute("aria-expanded", "false");
      mark.quotes = stretch.quotes;
    }
    shown.append(text.slice(done, start), mark);
    done = end;
  }
  shown.append(text.slice(done));
  area.replaceChildren(shown);
  area.classList.add("marked");
  area.index = index;
}

// The index in which the quotes at a mark were found.
const indexOf = (mark) => mark.closest(".marked").index;

// The marks that the text can have, for a person who reads it.
function legendItems(index) {
  const edges = edgesOf(index);
  const items = edges.map((edge, level) => {
    const range = level + 1 < edges.length ? `${edge}–${edges[level + 1] - 1}` : `${edge}+`;
    return element("li", {}, element("span", { class: `level level-${level}` }, range));
  });
  items.push(element("li", {}, "characters"));
  if (hasQuotes(index)) {
    const once = element("span", { class: "once" }, "underlined");
    const few = element("span", { class: "few" }, "dotted");
    items.push(element("li", {}, once, ": once in the corpus"));
    items.push(element("li", {}, few, `: 2–${MOST_OF_FEW} times`));
  }
  return items;
}
