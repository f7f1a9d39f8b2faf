"use strict";
// Makes elements. All text from elsewhere becomes text content, so it is never read as HTML.

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function quoteHeading(length, count) {
  const times = count === 1 ? "once" : `${count.toLocaleString("en")} times`;
  return `${length.toLocaleString("en")} characters, ${times} in the corpus`;
}

function shorten(text) {
  const characters = [...text];
  if (characters.length <= 400) return text;
  return `${characters.slice(0, 200).join("")} […] ${characters.slice(-150).join("")}`;
}

// The title of a document, with a link if it has an address, and its place in the corpus.
function documentName(title, url, collection, id) {
  // Link only addresses that a browser opens as a page: a corpus may contain any text as an address.
  const linked = url !== null && /^https?:\/\//i.test(url);
  const name = linked
    ? element("a", { href: url, rel: "noopener noreferrer", target: "_blank" }, title ?? id)
    : element("strong", {}, title ?? id);
  return [name, " ", element("small", {}, `${collection}/${id}`)];
}
