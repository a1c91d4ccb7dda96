//! Membership: the serf wire format and its state machines (pure) and the driver.
