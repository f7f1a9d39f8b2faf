"""What all pages share: their frame, their look, and the box that opens at a quote.

A page is a template that extends `frame.html`. Its style starts with `look.css`, and its script
with `elements.js` and `quote_box.js`.
"""
