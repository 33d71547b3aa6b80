// Package matrix is a table of faults and what must hold under each of them, and a soak that mixes them. It has tests only.
//
// Every row of the table is a run: a dev cluster, a producer, a consumer, a fault that comes while records flow and goes again.
// What must hold is what package history says, and besides: the consumer gets every record that is stored, once and in order;
// when the fault is over everything flows without anybody's help; nobody is asked without end; closing is quick, fault or not;
// and goroutines and descriptors are gone afterwards. A fault counts when it has struck: what is sent goes on until then. Where the
// fault is what a server says, or what a program does, its tests are with what it is about: certificates in core (TestTLSBadSetups),
// lengths, ids and bombs in core (TestHostileServer, TestBombs), versions in core (TestPlatforms), fork and double frees in tests/c.
// MATRIX_SEEDS asks for more runs of each row than two, each with its own
// seed; SOAK_SECONDS for a soak.
package matrix
