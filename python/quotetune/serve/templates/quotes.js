// Asks for the quotes of a text, in any index.

const NAMED = 5; // documents of a quote

const hasQuotes = (index) => index.structures.some((name) => name === "suffix" || name === "lean");

// Returns the score of a text, and its quotes of `least` characters or more. Without a suffix index
// these are the stretches that the filter reports, of which only the places are known.
async function findQuotes(ask, text, index, least, signal) {
  const scored = ask("score", { texts: [text], index: index.name }, signal);
  const traced = hasQuotes(index) ? trace(ask, text, index, least, signal) : null;
  const [scores, quotes] = await Promise.all([scored, traced]);
  const [score] = scores.results;
  const covered = score.covered.map(([start, end]) => ({ start, end, length: end - start }));
  return { score, quotes: quotes ?? covered };
}

async function trace(ask, text, index, least, signal) {
  const body = { texts: [text], index: index.name, min_chars: least, max_documents: NAMED };
  // Only such an index has quotes that differ from the text in the document.
  if (index.normalization.startsWith("fold")) body.snippet_chars = 1;
  const { results } = await ask("trace", body, signal);
  const [{ quotes }] = results;
  for (const quote of quotes) quote.length = characterCount(quote.text);
  return quotes;
}
