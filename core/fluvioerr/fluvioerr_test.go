package fluvioerr

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// constants reads the integer constants of a type from this package's source, so that a constant cannot be forgotten in
// its table.
func constants(t *testing.T, file, typ string) map[string]int64 {
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	out := map[string]int64{}
	ast.Inspect(tree, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if id, ok := spec.Type.(*ast.Ident); !ok || id.Name != typ {
			return true
		}
		value, sign := spec.Values[0], int64(1)
		if minus, ok := value.(*ast.UnaryExpr); ok {
			value, sign = minus.X, -1
		}
		if lit, ok := value.(*ast.BasicLit); ok {
			v, err := strconv.ParseInt(lit.Value, 10, 64)
			require.NoError(t, err)
			out[spec.Names[0].Name] = sign * v
		}
		return true
	})
	return out
}

// TestTableIsComplete: the numbers and names are a promise to programs in four languages.
func TestTableIsComplete(t *testing.T) {
	names, classes := map[string]bool{}, map[string]bool{}
	for i, row := range Table {
		require.Equal(t, Code(-1-i), row.Code, "rows go down from -1 without a gap")
		require.Equal(t, strings.ToUpper(row.Name), row.Name)
		require.Equal(t, strings.ToUpper(row.Class), strings.ReplaceAll(row.Name, "_", ""), "class and name say the same")
		require.NotEmpty(t, row.Hint, row.Name)
		require.False(t, names[row.Name] || classes[row.Class], row.Name)
		names[row.Name], classes[row.Class] = true, true
		require.False(t, row.Retriable && row.Fatal, "%s: what cannot be used any more cannot be retried", row.Name)
		require.Equal(t, row.Name, row.Code.String())
		got, ok := Lookup(row.Code)
		require.True(t, ok)
		require.Equal(t, row, got)
	}
	found := constants(t, "code.go", "Code")
	delete(found, "OK")
	require.Len(t, found, len(Table))
	for name, n := range found {
		row, ok := Lookup(Code(n))
		require.True(t, ok, name)
		require.Equal(t, strings.ToUpper(name), strings.ReplaceAll(row.Name, "_", ""))
	}
	_, ok := Lookup(OK)
	require.False(t, ok)
	require.Equal(t, "OK", OK.String())
	require.Equal(t, "CODE_-99", Code(-99).String())
}

func TestServerTableIsComplete(t *testing.T) {
	require.True(t, slices.IsSortedFunc(ServerTable, func(a, b ServerInfo) int { return int(a.Server) - int(b.Server) }))
	names := map[string]bool{}
	for i, row := range ServerTable {
		require.NotEqual(t, ServerNone, row.Server, "success is no error")
		require.True(t, i == 0 || ServerTable[i-1].Server < row.Server, "%s: twice", row.Name)
		require.False(t, names[row.Name], row.Name)
		names[row.Name] = true
		_, ok := Lookup(row.Code)
		require.True(t, ok, row.Name)
		require.Equal(t, row, LookupServer(row.Server))
		require.Equal(t, fmt.Sprintf("%s (%d)", row.Name, int16(row.Server)), row.Server.String())
		if row.NeedsMetadata && row.Code != NotFound {
			require.True(t, row.Retriable, "%s: a new route is of use only to a retry", row.Name)
		}
	}
	for name, n := range constants(t, "server.go", "ServerCode") {
		if n != 0 {
			require.NotEqual(t, "Unknown", LookupServer(ServerCode(n)).Name, name)
		}
	}
	require.Equal(t, "None", ServerNone.String())
	newer := LookupServer(4711)
	require.Equal(t, ServerInfo{Server: 4711, Name: "Unknown", Code: Server, MaybeWritten: true, Hint: newer.Hint}, newer)
	require.Equal(t, "Unknown (4711)", ServerCode(4711).String())
}

// TestServerCodesThatDecideRetries are the rows that sending records again depends on.
func TestServerCodesThatDecideRetries(t *testing.T) {
	type answer struct{ retriable, metadata, maybe bool }
	for code, want := range map[ServerCode]answer{
		ServerNotLeader:            {true, true, false},
		ServerPartitionNotLeader:   {true, true, false},
		ServerStorageError:         {true, false, true},
		ServerRequestTimedOut:      {false, false, true}, // stored: sending again would duplicate
		ServerMessageTooLarge:      {false, false, false},
		ServerCompression:          {false, false, false},
		ServerTopicDeleted:         {false, false, false},
		ServerPermissionDenied:     {false, false, false},
		ServerFetchSessionNotFound: {true, false, false},
		ServerUnknown:              {true, false, true},
		4711:                       {false, false, true},
	} {
		err := error(FromServer(code, "produce", ""))
		require.Equal(t, want, answer{Retriable(err), NeedsMetadata(err), MaybeWritten(err)}, code.String())
		wrapped := fmt.Errorf("outer: %w", err)
		require.Equal(t, want, answer{Retriable(wrapped), NeedsMetadata(wrapped), MaybeWritten(wrapped)}, "wrapped %s", code)
	}
}

func TestPredicatesOfClientErrors(t *testing.T) {
	lost := New(Connection, "produce", "lost")
	require.True(t, Retriable(lost))
	require.True(t, NeedsMetadata(lost))
	require.False(t, MaybeWritten(lost), "nothing had left the process")
	lost.Sent = true
	require.True(t, MaybeWritten(lost))
	require.False(t, Fatal(lost))
	require.True(t, Fatal(New(Closed, "", "x")))
	require.False(t, Retriable(New(InvalidArgument, "", "x")))
	for _, other := range []error{nil, io.EOF} {
		require.False(t, Retriable(other) || Fatal(other) || NeedsMetadata(other) || MaybeWritten(other))
		require.Nil(t, As(other))
	}
	require.Equal(t, OK, CodeOf(nil))
	require.Equal(t, Internal, CodeOf(io.EOF))
	require.Equal(t, Connection, CodeOf(fmt.Errorf("outer: %w", lost)))
}

// TestEndsAreComplete: the reasons go up from 0 without a gap, and each has a name.
func TestEndsAreComplete(t *testing.T) {
	found := constants(t, "end.go", "EndReason")
	require.Len(t, found, len(endReasons))
	names := map[string]bool{}
	for name, n := range found {
		require.True(t, n >= 0 && n < int64(len(found)), name)
		names[EndReason(n).String()] = true
	}
	require.Len(t, names, len(found), "each has a name of its own")
	require.Equal(t, "reason_-1", EndReason(-1).String())
	require.Equal(t, "reason_99", EndReason(99).String())
}

func TestEndOf(t *testing.T) {
	silent := New(Timeout, "consume", "nothing came")
	silent.End = EndSilent
	for want, err := range map[EndReason]error{
		NotEnded: New(Timeout, "consume", "nothing yet"), EndReached: New(End, "consume", "read"), StreamClosed: New(Closed, "consume", "closed"),
		Failed: New(Internal, "consume", "a bug"), EndSilent: fmt.Errorf("outer: %w", silent),
	} {
		require.Equal(t, want, EndOf(err), "%v", err)
	}
	require.True(t, Fatal(silent), "what has ended cannot be used")
	require.Equal(t, NotEnded, EndOf(nil))
	require.Equal(t, NotEnded, EndOf(io.EOF))
}

func TestIsAndUnwrap(t *testing.T) {
	err := fmt.Errorf("outer: %w", Wrap(Connection, "connect", io.ErrUnexpectedEOF))
	require.ErrorIs(t, err, Target(Connection))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "the cause stays reachable")
	require.NotErrorIs(t, err, Target(Timeout))
	require.NotErrorIs(t, err, io.EOF)
	require.Equal(t, "CONNECTION", Target(Connection).Error())
	require.ErrorContains(t, err, "unexpected EOF")
}

// TestText is one line with the operation, the place, what happened and what to do.
func TestText(t *testing.T) {
	err := New(TooLarge, "produce", "a record of %d bytes exceeds max_request_size of %d", 5, 4).
		At("orders", 2).AtOffset(7).AtAddr("127.0.0.1:9005").WithHint("send less")
	require.Equal(t, "produce orders/2 at offset 7 (127.0.0.1:9005): a record of 5 bytes exceeds max_request_size of 4 [hint: send less]", err.Error())
	require.Equal(t, "(127.0.0.1:9005): lost [hint: wait]", New(Connection, "", "lost").AtAddr("127.0.0.1:9005").WithHint("wait").Error())
	require.Equal(t, "gone [hint: the object was closed; open a new one]", New(Closed, "", "gone").Error(), "the code's hint stands in")
	require.Equal(t, "delete orders: TopicNotFound: no such thing [hint: create the topic first]", FromServer(2001, "delete", "no such thing").At("orders", -1).Error())
	require.Equal(t, "ManagedConnectorNotFound [hint: "+hintOf(NotFound)+"]", FromServer(5001, "", "").Error(), "a server code without a hint uses its class's")
	bare := New(Internal, "", "x")
	require.EqualValues(t, -1, bare.Partition)
	require.EqualValues(t, -1, bare.Offset)
	require.Equal(t, map[string]string{"a": "1", "b": "2"}, bare.WithDetail("a", "1").WithDetail("b", "2").Detail)
	require.Equal(t, "linger_ms", bare.ForSetting("linger_ms").Setting)
}

// hintOf is the hint of a code.
func hintOf(c Code) string { row, _ := Lookup(c); return row.Hint }

func TestContextsEndInTimeoutOrCancelled(t *testing.T) {
	late, stop := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer stop()
	err := FromContext(late, "flush", "3 batches", 1500*time.Millisecond)
	require.Equal(t, Timeout, err.Code)
	require.Equal(t, 1500*time.Millisecond, err.Waited)
	require.ErrorContains(t, err, "flush: timed out after 1.5s waiting for 3 batches")
	require.True(t, Retriable(err))
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	err = FromContext(cancelled, "flush", "3 batches", 0)
	require.Equal(t, Cancelled, err.Code)
	require.ErrorContains(t, err, "cancelled while waiting for 3 batches")
	require.False(t, Retriable(err))
	require.True(t, errors.Is(err, Target(Cancelled)))
}
