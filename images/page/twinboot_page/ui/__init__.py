"""The page: HTML for people, made of the same facts as the API's answers.

routes  `/` and what lies below `/ui/`
"""
