// Marks the quotes of a response, and shows the sources of each.

function plainText(part) {
  return typeof part === "string" ? part : part.s.map(([text]) => text).join("");
}

// Watches the quotes in a table; returns a function that marks a quote and one that closes the box.
function quoteSources(data, table) {
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

  function describe({ part, prompt }) {
    return part.q.map(([text, length, count, sources]) => {
      const quoted = text ?? plainText(part);
      const [, before, after] = [sources[0]].flat();
      const context = element("p", { class: "context", dir: "auto" });
      context.append(before ?? "", element("b", {}, shorten(quoted)), after ?? "");
      const list = element("ul", {});
      for (const source of sources) list.append(sourceItem(source, prompt));
      if (count > sources.length) list.append(element("li", { class: "more" }, "…"));
      const heading = element("h3", {}, quoteHeading(length, count));
      return element("div", { class: "quoted" }, heading, context, list);
    });
  }

  function sourceItem(source, prompt) {
    const [title, collection, id, url] = data.documents[[source].flat()[0]];
    const item = element("li", {}, ...documentName(title, url, collection, id));
    if (isOwn(source, prompt)) {
      item.append(" ", element("span", { class: "badge" }, "the prompt’s own document"));
    }
    return item;
  }

  const hide = quoteBox(table, (mark) => describe(mark.details));
  return { run, hide };
}
