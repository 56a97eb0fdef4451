//! ocm-access
