//! ocm-transfer
