//! ocm-serve
