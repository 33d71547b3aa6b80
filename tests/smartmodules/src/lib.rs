//! Empty: the modules are the examples of this package.
