// Command go runs jobs with libfluvio's Go client, for the tests of tests/interop/matrix.
//
// It reads one JSON object from standard input, {"endpoint": "host:port", "jobs": [...]}, and writes one to standard
// output, {"results": [...]}, with {"ok": ...} or {"error": "..."} for each job in order. Keys and values are hexadecimal,
// a record without a key has null. The same for every client: tests/interop/matrix/README.md.
package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	fluvio "github.com/libfluvio/libfluvio/core"
)

// deadline limits the whole run: what hangs is an error with a name, not a process to be killed.
const deadline = 2 * time.Minute

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// octets are bytes that travel as hexadecimal text; nil travels as null.
type octets []byte

// MarshalJSON writes the digits, or null.
func (o octets) MarshalJSON() ([]byte, error) {
	if o == nil {
		return []byte("null"), nil
	}
	return json.Marshal(hex.EncodeToString(o))
}

// UnmarshalJSON reads digits, or null.
func (o *octets) UnmarshalJSON(text []byte) error {
	var digits *string
	if err := json.Unmarshal(text, &digits); err != nil || digits == nil {
		return err
	}
	*o = octets{} // an empty key is not a missing one
	raw, err := hex.DecodeString(*digits)
	*o = append(*o, raw...)
	return err
}

// record is a record to send.
type record struct {
	Key       octets `json:"key"`
	Value     octets `json:"value"`
	Partition *int32 `json:"partition"`
	Timestamp int64  `json:"timestamp"`
}

// job is one thing to do; which fields count depends on Do.
type job struct {
	Do          string   `json:"do"`
	Topic       string   `json:"topic"`
	Partition   *int32   `json:"partition"`
	Compression string   `json:"compression"`
	Records     []record `json:"records"`
	Count       int      `json:"count"`
	Start       string   `json:"start"`
	Isolation   string   `json:"isolation"`
	Consumer    string   `json:"consumer"`

	Partitions       uint32 `json:"partitions"`
	Replication      uint32 `json:"replication"`
	IgnoreRack       bool   `json:"ignore_rack"`
	RetentionSeconds uint32 `json:"retention_seconds"`
	SegmentSize      uint32 `json:"segment_size"`
	MaxPartitionSize uint64 `json:"max_partition_size"`
}

// result is what became of a job. OK is present, and may be null, when Error is not.
type result map[string]any

func run(in io.Reader, out io.Writer) (err error) {
	var request struct {
		Endpoint string `json:"endpoint"`
		Jobs     []job  `json:"jobs"`
	}
	if err := json.NewDecoder(in).Decode(&request); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: request.Endpoint})
	if err != nil {
		return err
	}
	results := make([]result, len(request.Jobs))
	for i, j := range request.Jobs {
		if ok, err := j.run(ctx, client); err != nil {
			results[i] = result{"error": err.Error()}
		} else {
			results[i] = result{"ok": ok}
		}
	}
	if err := client.Close(ctx); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(map[string]any{"results": results})
}

func (j job) run(ctx context.Context, client *fluvio.Client) (any, error) {
	switch j.Do {
	case "create_topic":
		return nil, client.Admin().CreateTopic(ctx, j.Topic, fluvio.TopicSpec{
			Partitions: j.Partitions, Replication: j.Replication, IgnoreRack: j.IgnoreRack, Compression: j.Compression,
			RetentionSeconds: j.RetentionSeconds, SegmentSize: j.SegmentSize, MaxPartitionSize: j.MaxPartitionSize,
		})
	case "delete_topic":
		return nil, client.Admin().DeleteTopic(ctx, j.Topic)
	case "list_topics":
		topics, err := client.Admin().Topics(ctx)
		list := [][2]any{}
		for _, t := range topics {
			list = append(list, [2]any{t.Name, t.Partitions})
		}
		return list, err
	case "describe_topics":
		return describe(ctx, client)
	case "produce":
		return j.produce(ctx, client)
	case "consume":
		return j.consume(ctx, client)
	case "commit":
		return j.commit(ctx, client)
	case "list_offsets":
		offsets, err := client.Admin().ConsumerOffsets(ctx)
		list := [][4]any{}
		for _, o := range offsets {
			list = append(list, [4]any{o.ConsumerID, o.Topic, o.Partition, o.Offset})
		}
		return list, err
	case "delete_offset":
		return nil, client.Admin().DeleteConsumerOffset(ctx, j.Consumer, j.Topic, *j.Partition)
	}
	return nil, fmt.Errorf("unknown job %q", j.Do)
}

// describe gives the settings and the status of every topic.
func describe(ctx context.Context, client *fluvio.Client) (any, error) {
	topics, err := client.Admin().Topics(ctx)
	list := map[string]any{}
	for _, t := range topics {
		list[t.Name] = map[string]any{
			"partitions": t.Partitions, "replication": t.Replication, "compression": t.Compression, "status": t.Status,
			"retention_seconds": t.RetentionSeconds, "segment_size": t.SegmentSize, "max_partition_size": t.MaxPartitionSize,
		}
	}
	return list, err
}

// produce sends the records in order and returns partition and offset of each.
func (j job) produce(ctx context.Context, client *fluvio.Client) (any, error) {
	producer, err := client.Producer(ctx, j.Topic, fluvio.ProducerOptions{Compression: j.Compression})
	if err != nil {
		return nil, err
	}
	receipts := make([]fluvio.Receipt, len(j.Records))
	for i, r := range j.Records {
		out := fluvio.Record{Key: r.Key, Value: r.Value, Timestamp: r.Timestamp}
		if r.Partition == nil {
			receipts[i], err = producer.Send(ctx, out)
		} else {
			receipts[i], err = producer.SendTo(ctx, *r.Partition, out)
		}
		if err != nil {
			return nil, err
		}
	}
	reports := make([][2]int64, len(receipts))
	for i, receipt := range receipts {
		partition, offset, err := receipt.Wait(ctx)
		if err != nil {
			return nil, err
		}
		reports[i] = [2]int64{int64(partition), offset}
	}
	return reports, producer.Close(ctx)
}

// consume reads from Start, by default the beginning, until the end, or Count records however long they take to come.
func (j job) consume(ctx context.Context, client *fluvio.Client) (any, error) {
	options := fluvio.ConsumerOptions{Topics: []string{j.Topic}, Isolation: j.Isolation}
	if j.Count == 0 {
		options.StopAt = fluvio.StopAtEnd()
	}
	var err error
	if options.Start, err = fluvio.ParseStartPosition(cmp.Or(j.Start, "beginning")); err != nil {
		return nil, err
	}
	if j.Partition != nil {
		options.Partitions = []int32{*j.Partition}
	}
	consumer, err := client.Consumer(ctx, options)
	if err != nil {
		return nil, err
	}
	records := [][]any{}
	for r, err := range consumer.Records(ctx) {
		if err != nil {
			return nil, err
		}
		records = append(records, []any{r.Partition, r.Offset, r.Timestamp, octets(r.Key), append(octets{}, r.Value...)})
		if len(records) == j.Count {
			break
		}
	}
	return records, consumer.Close(ctx)
}

// commit reads Count records as a named consumer, from behind its stored offset, and stores the new one.
func (j job) commit(ctx context.Context, client *fluvio.Client) (any, error) {
	consumer, err := client.Consumer(ctx, fluvio.ConsumerOptions{
		Topics: []string{j.Topic}, Partitions: []int32{*j.Partition}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd(),
		ConsumerID: j.Consumer, OffsetStrategy: "manual",
	})
	if err != nil {
		return nil, err
	}
	offsets := []int64{}
	for r, err := range consumer.Records(ctx) {
		if err != nil {
			return nil, err
		}
		if offsets = append(offsets, r.Offset); len(offsets) == j.Count {
			break
		}
	}
	if err := consumer.Commit(ctx); err != nil {
		return nil, err
	}
	return offsets, consumer.Close(ctx)
}
