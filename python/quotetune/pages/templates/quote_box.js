// Opens a box at a quote, by pointer, click or keyboard, that shows where the quote occurs. A quote is a
// `mark` with the role of a button.

// Watches the quotes in an area.
//   describe(mark): the elements that the box shows
//   activate(mark): what a click or Enter does; without it, they keep the box open
// Returns a function that closes the box.
function quoteBox(area, describe, activate) {
  const popup = document.getElementById("sources");
  const popupBody = document.getElementById("sources-body");
  let open = null; // the mark whose sources are shown
  let pinned = false;
  let timer = 0;

  function show(mark, pin) {
    clearTimeout(timer);
    if (open !== mark) {
      hide();
      open = mark;
      popupBody.replaceChildren(...describe(mark));
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

  // Place the box below the quote's first line, or above it. On a phone it is at the bottom, or at the
  // top if the quote is at the bottom (see the style sheet).
  function place(mark) {
    const box = mark.getClientRects()[0];
    const size = popup.getBoundingClientRect();
    const room = document.documentElement.clientWidth - size.width - 8;
    const below = box.bottom + size.height + 8 < window.innerHeight || box.top < size.height + 8;
    popup.classList.toggle("at-top", box.bottom > window.innerHeight / 2);
    popup.style.left = `${Math.max(8, Math.min(box.left, room)) + window.scrollX}px`;
    popup.style.top = `${(below ? box.bottom + 6 : box.top - size.height - 6) + window.scrollY}px`;
  }

  function use(mark) {
    hide();
    activate(mark);
  }

  function soon(action, after) {
    clearTimeout(timer);
    timer = setTimeout(action, after);
  }

  const markOf = (event) => event.target.closest?.("mark[role=button]");
  area.addEventListener("mouseover", (event) => {
    const mark = markOf(event);
    if (mark && !pinned) soon(() => show(mark, false), 80);
  });
  area.addEventListener("mouseout", (event) => {
    if (markOf(event) && !pinned) soon(hide, 250);
  });
  popup.addEventListener("mouseenter", () => clearTimeout(timer));
  popup.addEventListener("mouseleave", () => {
    if (!pinned && document.activeElement !== open) soon(hide, 250);
  });
  area.addEventListener("focusin", (event) => {
    const mark = markOf(event);
    if (mark && mark.matches(":focus-visible")) show(mark, false);
  });
  area.addEventListener("focusout", (event) => {
    if (!pinned && !popup.contains(event.relatedTarget)) soon(hide, 100);
  });
  area.addEventListener("click", (event) => {
    const mark = markOf(event);
    if (!mark) return;
    if (activate) use(mark);
    else if (open === mark && pinned) hide();
    else show(mark, true);
  });
  area.addEventListener("keydown", (event) => {
    const mark = markOf(event);
    if (!mark || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    if (activate) {
      use(mark);
      return;
    }
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

  return hide;
}
