//! Scans JSON text without building it: checks it, splits it, decodes its strings.
