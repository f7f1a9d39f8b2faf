// Starts the page: the token, the views, and what opens at a quote in any of them.
(() => {
  const find = (id) => document.getElementById(id);
  const TITLES = { text: "quotetune: what does this text quote?", runs: "quotetune: what did the run change?" };

  function askForToken(wrong) {
    const form = find("token-form");
    form.hidden = false;
    find("token-problem").textContent = wrong ? "The server refuses this token." : "";
    find("token").focus();
    return new Promise((resolve) => {
      form.addEventListener(
        "submit",
        (event) => {
          event.preventDefault();
          form.hidden = true;
          find("token-problem").textContent = "";
          resolve(find("token").value.trim());
          find("token").value = "";
        },
        { once: true },
      );
    });
  }

  const ask = service(askForToken);

  // ---- What opens at a quote ----

  const panel = documentPanel({
    ask,
    left(mark) {
      mark.focus({ preventScroll: true });
      hideBox();
    },
  });
  const hideBox = quoteBox(document.querySelector("main"), quoteSummary, (mark) => panel.open(mark));

  function close() {
    hideBox();
    panel.close();
  }

  // ---- Views ----

  function reveal(name) {
    for (const part of document.querySelectorAll("[data-view]")) part.hidden = part.dataset.view !== name;
    for (const link of find("views").querySelectorAll("a")) {
      if (link.dataset.leads === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = TITLES[name];
  }

  function revealText() {
    if (!find("input").closest("[data-view]").hidden) return;
    history.pushState(null, "", "#text");
    close();
    reveal("text");
  }

  // A link to a part of the view must not replace the fragment, which says what is shown.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href^='#']");
    const part = link && find(link.hash.slice(1));
    if (!part) return;
    event.preventDefault();
    if (!part.matches("input, textarea")) part.tabIndex = -1;
    part.focus({ preventScroll: true });
    part.scrollIntoView();
  });

  async function start() {
    reveal(runAddress(location.hash) ? "runs" : "text");
    const [{ indexes }, { runs }] = await Promise.all([ask("indexes"), ask("runs")]);
    const text = textView({ ask, indexes, close, reveal: revealText });

    async function openText(response, index) {
      const linked = { text: response, index: index?.name, shortest: index?.n };
      history.pushState(null, "", (await packed(linked)) ?? "#text");
      close();
      reveal("text");
      await text.showText(linked);
      find("result-heading").focus({ preventScroll: true });
    }

    const openRun = runs.length ? runView({ ask, indexes, runs, close, openText }) : null;
    find("views").hidden = openRun === null;

    function open() {
      const address = openRun && runAddress(location.hash);
      close();
      reveal(address ? "runs" : "text");
      return address ? openRun(address) : text.open(location.hash);
    }

    window.addEventListener("hashchange", open);
    await open();
  }

  start().catch((error) => voiceOf(document.querySelector("main > [data-view]:not([hidden]) > .status")).fail(error));
})();
