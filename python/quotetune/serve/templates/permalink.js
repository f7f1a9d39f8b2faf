// Keeps a text and its settings in the fragment of the address, which no browser sends to a server.

const LONGEST_LINK = 8192; // characters of the fragment
const LONGEST_LINKED_TEXT = 1 << 20; // a fragment can be made that unpacks to much more

// Returns the fragment for JSON values; null if it would be too long.
async function packed(values) {
  const json = new Blob([JSON.stringify(values)]);
  const stream = json.stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  if (bytes.length > LONGEST_LINK) return null;
  const letters = btoa(String.fromCharCode(...bytes));
  const fragment = `#${letters.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
  return fragment.length > LONGEST_LINK ? null : fragment;
}

// Returns the JSON values of a fragment; null if it is none of ours.
async function unpacked(fragment) {
  if (!/^#[\w-]{4,}$/.test(fragment) || fragment.length > LONGEST_LINK) return null;
  try {
    const letters = fragment.slice(1).replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(letters), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return JSON.parse(await readText(stream));
  } catch {
    return null;
  }
}

async function readText(stream) {
  const reader = stream.getReader();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value, { stream: true });
    if (text.length > LONGEST_LINKED_TEXT) {
      await reader.cancel();
      throw new RangeError("too long");
    }
  }
}
