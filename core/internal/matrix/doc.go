// Package matrix is a table of faults and what must hold under each of them, and a soak that mixes them. It has tests only.
//
// Every row of the table is a run: a dev cluster, a producer, a consumer, a fault that comes while records flow and goes again.
// What must hold is what package history says, and besides: the consumer gets every record that is stored, once and in order;
// when the fault is over everything flows without anybody's help; nobody is asked without end; closing is quick, fault or not;
// and goroutines and descriptors are gone afterwards. MATRIX_SEEDS asks for more runs of each row than one, each with its own
// seed; SOAK_SECONDS for a soak.
package matrix
