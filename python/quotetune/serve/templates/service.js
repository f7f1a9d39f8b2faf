// Asks the server. The token, if the server has one, is only in the memory of this page.

// Why a question has no answer, in words for the person.
class Problem extends Error {}

// The length of the shortest quote that the server finds in an index.
function shortestQuote({ structures, n }) {
  return structures.includes("lean") ? n : Math.min(n, 8);
}

// Returns a function that asks the server.
//   askForToken(wrong): a promise of the token that the person enters; `wrong` if one was refused
function service(askForToken) {
  let token = null;
  let asking = null; // questions that are asked side by side share one form

  async function send(path, body, signal) {
    const headers = {};
    if (token !== null) headers.authorization = `Bearer ${token}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    const method = body === undefined ? "GET" : "POST";
    try {
      // The path is relative, so the page also works below a path of a proxy.
      return await fetch(path, { method, headers, body: JSON.stringify(body), signal });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem("The server does not answer. Is it running?");
    }
  }

  // Without a body, this is a GET.
  return async function ask(path, body, signal) {
    let response = await send(path, body, signal);
    while (response.status === 401) {
      asking ??= askForToken(token !== null).finally(() => (asking = null));
      token = await asking;
      response = await send(path, body, signal);
    }
    let answer = null;
    try {
      answer = await response.json();
    } catch (error) {
      if (error.name === "AbortError") throw error;
    }
    if (response.ok && answer !== null) return answer;
    throw new Problem(`The server says: ${answer?.error ?? `status ${response.status}`}.`);
  };
}
