"""The web console as it is served: a build of `web/`, and the policy that its page lives under."""
