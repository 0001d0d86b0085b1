"""The page: HTML for people, made of the same facts as the API's answers.

actions       What an operator orders by a form: the question before it, the order, and what became of it
assets        Style sheet, script and icon, from memory, under names that change with their contents
body          The body of a request, read no further than it may be long
live          Parts of a page, made anew twice a second for browsers that look at it
machines      The table of machines: which ones, in which order, how far each is. Pure
moves         A move of a virtual address as a picture and a list. Pure
pages         From facts to HTML: templates, what every page has, errors
routes        `/` and what lies below `/ui/`
session       `/ui/login` and `/ui/logout`: a token that was typed in once becomes a session of this browser
site_changes/ The site is changed from the page: its text, machines that come and go, tables; logs
views         What each page shows
visitor       Who looks at a page, and what he may do
words         Numbers and times as people read them; what machines sent, made harmless. Pure
"""
