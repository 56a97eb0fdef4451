//! ocm-constructor
