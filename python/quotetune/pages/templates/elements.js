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

// A part that a person can open.
function folded(name, text) {
  const inside = element("p", { class: "response" }, text);
  return element("details", {}, element("summary", {}, name), inside);
}

// The measures of a response, in a line.
function responseNumbers(response) {
  const said = [];
  if (response.quip === null) said.push("too short for QUIP");
  else if (response.quip !== undefined) said.push(`QUIP ${(100 * response.quip).toFixed(1)}%`);
  if (response.longest) said.push(`longest quote ${response.longest}`);
  said.push(`${response.length} characters`);
  if (response.cut) said.push("cut");
  return said.join(" · ");
}
