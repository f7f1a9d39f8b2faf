// Tells the person what a view does and what is wrong.

// Returns functions that write into the places of the view that an element is in.
function voiceOf(inside) {
  const view = inside.closest("[data-view]");
  const status = view.querySelector(".status");
  const problem = view.querySelector(".problem");

  function say(text) {
    problem.textContent = "";
    status.textContent = text;
  }

  function fail(error) {
    if (error.name === "AbortError") return; // the person has asked for something else meanwhile
    status.textContent = "";
    problem.textContent =
      error instanceof Problem ? error.message : "The page has a fault; the console says more.";
    if (!(error instanceof Problem)) throw error;
  }

  return { say, fail };
}
