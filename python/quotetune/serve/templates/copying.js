// Copies text to the clipboard, which a browser allows only to pages of this machine or under TLS.

// Copies a text. If the browser refuses, shows it in the area, for the person to copy.
// Returns whether it was copied.
async function copyText(text, area) {
  area.replaceChildren();
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = element("textarea", { readonly: "", rows: "6" });
    field.value = text;
    area.append(element("label", {}, "The browser does not let this page copy. Copy this: ", field));
    field.focus();
    field.select();
    return false;
  }
}

// Returns a text with footnotes as Markdown, from the answer of /cite.
function markdown({ cited, footnotes }) {
  return footnotes.length ? `${cited}\n\n${footnotes.join("\n")}\n` : `${cited}\n`;
}
