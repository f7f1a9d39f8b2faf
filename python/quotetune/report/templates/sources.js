"use strict";
// Shows the sources of a quote in a box that opens at the quote by pointer, click or keyboard. All
// text of the run goes through textContent, so no text is ever read as HTML.

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

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

  const popup = document.getElementById("sources");
  const popupBody = document.getElementById("sources-body");
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
    // Link only addresses that a browser opens as a page: a corpus may contain any text as an address.
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

  // Place the box below the quote's first line, or above it. On a phone it is at the bottom (see the
  // style sheet).
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
    // The popup is at the end of the page, but Tab out of it must continue from the quote.
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
  document.getElementById("sources-close").addEventListener("click", () => {
    const mark = open;
    hide();
    mark?.focus();
    hide();
  });

  return { run, hide };
}
