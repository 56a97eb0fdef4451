//! ocm-testkit
