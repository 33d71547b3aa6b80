package main

import (
	"bytes"
	"fmt"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// pageHead is what the page about errors says before its tables.
const pageHead = `# Errors

<!-- ` + notice + ` -->

Every failure is an error with a code, by what the program does next. The codes never change their number or meaning; more may be added, and
programs must take unknown ones. Errors say besides: what was done, for which topic, partition, address or setting; whether the same call may
succeed when it is repeated; whether the object it came from can still be used; whether a record may be stored although its report is an error
(maybe written); the server's own code; and a hint.

| | Go | C | Python | Node |
|---|---|---|---|---|
| the error | ` + "`*fluvioerr.Error`" + ` | ` + "`fluvio_error_t`" + ` and the status | exceptions below ` + "`FluvioError`" + ` | classes below ` + "`FluvioError`" + ` |
| code | ` + "`fluvioerr.CodeOf(err)`" + ` | ` + "`fluvio_error_status`" + ` | the class, ` + "`code`" + `, ` + "`name`" + ` | the class, ` + "`code`" + ` |
| repeat it? | ` + "`fluvioerr.Retriable(err)`" + ` | ` + "`fluvio_error_is_retriable`" + ` | ` + "`retriable`" + ` | ` + "`retriable`" + ` |
| is the object lost? | ` + "`fluvioerr.Fatal(err)`" + ` | ` + "`fluvio_error_is_fatal`" + ` | ` + "`fatal`" + ` | ` + "`fatal`" + ` |
| may it be stored? | ` + "`fluvioerr.MaybeWritten(err)`" + ` | ` + "`fluvio_error_maybe_written`" + `, ` + "`persisted`" + ` of the delivery | ` + "`maybe_written`" + ` | ` + "`maybeWritten`" + ` |
| the hint | ` + "`HintText()`" + ` | ` + "`fluvio_error_detail(e, \"hint\")`" + ` | ` + "`hint`" + ` | ` + "`hint`" + ` |

`

// page returns the page about errors.
func page() []byte {
	var b bytes.Buffer
	yes := map[bool]string{true: "yes"}
	b.WriteString(pageHead)
	b.WriteString("## Codes\n\n| code | in C | in Python and Node | may succeed later | the object is lost | what to do |\n|---:|---|---|---|---|---|\n")
	for _, r := range fluvioerr.Table {
		fmt.Fprintf(&b, "| %d | `FLUVIO_ERR_%s` | `%sError` | %s | %s | %s |\n", r.Code, r.Name, r.Class, yes[r.Retriable], yes[r.Fatal], r.Hint)
	}
	b.WriteString("\nIn Python, those that have a name of Python's own are `FluvioTimeoutError`, `FluvioConnectionError`, `FluvioPermissionError` and `FluvioInterruptedError`.\n")
	b.WriteString("\n## Codes of servers\n\nThe number and name that a Fluvio server sent, and what libfluvio makes of it. libfluvio repeats by itself what may succeed later, within the deadlines.\n\n")
	b.WriteString("| server's code | name there | code | may succeed later | maybe written | what to do |\n|---:|---|---|---|---|---|\n")
	for _, r := range fluvioerr.ServerTable {
		fmt.Fprintf(&b, "| %d | `%s` | `%s` | %s | %s | %s |\n", r.Server, r.Name, r.Code, yes[r.Retriable], yes[r.MaybeWritten], r.Hint)
	}
	b.WriteString("\n## Ends\n\nA stream of records that has ended says why, in the error and in the consumer.\n\n| reason | name |\n|---:|---|\n")
	for _, reason := range endReasons() {
		fmt.Fprintf(&b, "| %d | `%s` |\n", reason, reason)
	}
	return b.Bytes()
}
