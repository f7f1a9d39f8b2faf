// Leads from one page, or one response, to the next.

// Watches the pager in an area. Returns a function that shows where the person is.
//   turn(by): the person wants the next one (1) or the previous one (-1)
function pagerOf(area, turn) {
  const pager = area.querySelector(".pager");
  const [previous, next] = [pager.querySelector(".previous"), pager.querySelector(".next")];
  previous.addEventListener("click", () => turn(-1));
  next.addEventListener("click", () => turn(1));

  function show(place, places, name) {
    pager.hidden = places < 2;
    const last = document.activeElement; // a button that is disabled loses the focus
    previous.disabled = place === 0;
    next.disabled = place >= places - 1;
    if (last === previous && previous.disabled) next.focus();
    if (last === next && next.disabled) previous.focus();
    pager.querySelector(".place").textContent = `${name} ${number(place + 1)} of ${number(places)}`;
  }

  return { show };
}
