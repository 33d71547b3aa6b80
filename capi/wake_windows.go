package main

// #include "bridge.h"
import "C"

// waker waits for C on a condition variable, which takes a thread.
type waker struct{}

func newWaker() waker { return waker{} }

// wait returns when there are signals.
func (waker) wait() { C.fluvioc_wait_signal() }
