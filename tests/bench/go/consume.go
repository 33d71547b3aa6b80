package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"syscall"
	"time"
	"unsafe"

	fluvio "github.com/libfluvio/libfluvio/core"
)

// reading is what has come so far. The clocks start behind the record, or batch, with which the warm-up is over.
type reading struct {
	job                     *job
	next                    []int64 // the offset that each partition's next record should have
	seen, bytes, missing    int
	seenBefore, bytesBefore int
	last                    int // seen then
	started                 bool
	clocks                  *clocks
	result                  result
}

// consume measures libfluvio.
func (j *job) consume(ctx context.Context) (r result, err error) {
	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: j.endpoint})
	if err != nil {
		return r, err
	}
	consumer, err := client.Consumer(ctx, j.consumerOptions())
	if err != nil {
		return r, err
	}
	if j.mode == "follow" {
		fmt.Println("ready") // for the sender
	}
	in := j.newReading()
	switch j.api {
	case "records":
		err = in.records(ctx, consumer)
	case "poll":
		err = in.poll(ctx, consumer)
	default:
		err = in.batches(ctx, consumer)
	}
	if err != nil {
		return r, err
	}
	return in.result, client.Close(ctx)
}

func (j *job) consumerOptions() fluvio.ConsumerOptions {
	return fluvio.ConsumerOptions{Topics: []string{j.topic}, Start: fluvio.Beginning(), MaxBytes: int32(j.maxBytes)}
}

func (j *job) newReading() *reading {
	return &reading{job: j, next: make([]int64, j.partitions)}
}

func (in *reading) records(ctx context.Context, consumer *fluvio.Consumer) error {
	for record, err := range consumer.Records(ctx) {
		if err != nil {
			return err
		}
		if err := in.see(&record); err != nil {
			return err
		}
		if done, err := in.counted(); done || err != nil {
			return err
		}
	}
	return fmt.Errorf("the stream ended")
}

func (in *reading) batches(ctx context.Context, consumer *fluvio.Consumer) error {
	for done := false; !done; {
		batch, err := consumer.Next(ctx)
		if err != nil {
			return err
		}
		for record := range batch.Records() {
			if err := in.see(&record); err != nil {
				return err
			}
		}
		batch.Release()
		if done, err = in.counted(); err != nil {
			return err
		}
	}
	return nil
}

func (in *reading) poll(ctx context.Context, consumer *fluvio.Consumer) error {
	for done := false; !done; {
		records, err := consumer.Poll(ctx, fluvio.PollLimits{MaxRecords: in.job.group})
		if err != nil {
			return err
		}
		for i := range records {
			if err := in.see(&records[i]); err != nil {
				return err
			}
		}
		if done, err = in.counted(); err != nil {
			return err
		}
	}
	return nil
}

// see checks that a record is the one that comes next in its partition.
func (in *reading) see(r *fluvio.Record) error {
	next := &in.next[r.Partition]
	if r.Offset < *next {
		return fmt.Errorf("partition %d: the record at %d came twice", r.Partition, r.Offset)
	}
	in.missing += int(r.Offset - *next)
	*next = r.Offset + 1
	in.seen++
	in.bytes += len(r.Value)
	if in.started && in.job.mode == "follow" {
		in.job.latency = append(in.job.latency, time.Duration(monotonic()-int64(binary.NativeEndian.Uint64(r.Value))))
	}
	return nil
}

// monotonic is the clock of the sender, which all processes share.
func monotonic() int64 {
	const clockMonotonic = 1
	var t syscall.Timespec
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&t)), 0)
	return t.Nano()
}

// counted looks at the clocks behind a record, or a batch. True: that was all.
func (in *reading) counted() (done bool, err error) {
	switch {
	case !in.started && in.seen >= in.job.warmup:
		in.started, in.seenBefore, in.bytesBefore = true, in.seen, in.bytes
		in.last = in.seen + in.job.count
		if in.job.mode == "follow" { // the sender sends no more
			in.last = in.job.warmup + in.job.count
		}
		in.clocks, err = in.job.startClocks()
	case in.started && in.seen >= in.last:
		in.result = result{Records: in.seen - in.seenBefore, Warmup: in.seenBefore, Bytes: in.bytes - in.bytesBefore, Missing: &in.missing}
		return true, in.clocks.stop(&in.result)
	}
	return false, err
}
