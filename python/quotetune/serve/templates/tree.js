// Makes elements of a tree, as the server sends the figures of a run.

const SVG = "http://www.w3.org/2000/svg";

// Returns the nodes of a list of texts and elements. An element is a list of its name, its attributes,
// and its own texts and elements.
function nodesOf(tree, inSvg = false) {
  return tree.map((part) => {
    if (typeof part === "string") return part;
    const [name, attributes, ...inside] = part;
    const svg = inSvg || name === "svg";
    const made = svg ? document.createElementNS(SVG, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...nodesOf(inside, svg));
    return made;
  });
}
