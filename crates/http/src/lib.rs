//! ocm-http
