"""The page: HTML for people, made of the same facts as the API's answers.

routes   `/` and what lies below `/ui/`
session  A token is typed once; the browser keeps a session in its place
"""
