"""The agent's part of applying a site: what twinboot.rollout decides, carried out on this server.

begin           Before the agent is built: the committed site, rendered, is what it works by
build           Builds the agent's part of applying a site: first the site that it works by, then what looks
                on
driver          Looks at the cluster, feeds the decisions, carries out what they ask for, answers `twinboot
                apply`
edited          Whether the operator's file is the committed site, an earlier one, or an edited one
facts           What the core knows of the cluster, as the decisions of an apply look at it
hosts           Machines come into the site and leave it by the page or the API
jobs            What takes long: checking a proposal, writing, comparing, rendering; in a thread of its own
past            Sites that were in use here: who applied which when, what each changed, and its text
pending         Daemons that are still to be restarted with new files: remembered over a death of the agent
subprocess_jobs What takes seconds for a large site: in a process of its own, so that no heartbeat waits
texts           Site files that come as texts, by the page or the API: what one would change, and the one in
                use
"""
