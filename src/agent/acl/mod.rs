//! Rules, policies and the authorizer; allow-all until ACLs are enabled. Pure.
