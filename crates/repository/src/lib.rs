//! ocm-repository
