//! ocm-sdk
