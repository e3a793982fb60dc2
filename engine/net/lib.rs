//! Batched UDP: slices of datagrams in, slices of datagrams out. The only unsafe code of Flumen.
