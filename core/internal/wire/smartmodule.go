package wire

import (
	"fmt"
	"slices"
	"strings"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// SmartModules is a chain of invocations as it stands in Produce and StreamFetch requests.
type SmartModules []SmartModuleInvocation

// Wire walks the chain.
func (m *SmartModules) Wire(c *Codec) {
	Vec(c, (*[]SmartModuleInvocation)(m), 5, (*Codec).invocation)
}

// Since when SPUs read lookbacks, and their age.
const (
	sinceLookback    int16 = 20
	sinceLookbackAge int16 = 21
)

// Fit says whether a request of this version has room for all that the chain asks for: what has none would be left out
// without a word. The error is Unsupported.
func (m SmartModules) Fit(key uint16, version int16) error {
	for i := range m {
		need, what := int16(0), "lookback"
		if look := m[i].Look; look != nil {
			need = sinceLookback
			if look.Age != nil {
				need, what = sinceLookbackAge, "the age of a lookback"
			}
		}
		if version < need {
			since := platforms[slices.IndexFunc(platforms, func(p platform) bool { return p.spu >= need })].release
			return fluvioerr.New(fluvioerr.Unsupported, "negotiate", "%s of SmartModule %s needs %s version %d, the SPU speaks %d",
				what, m[i].Label(), LookupAPI(SPU, key).Name, need, version).WithHint("the cluster needs platform " + since + " or later for this")
		}
	}
	return nil
}

// Label names a module for people.
func (m *SmartModuleInvocation) Label() string {
	switch {
	case m.AdHoc == nil:
		return m.Name
	case m.Display != nil:
		return *m.Display
	}
	return "(ad hoc)"
}

// The texts that SPUs put before what a module's engine says, in errors without a code of their own.
var engineTexts = []string{"SmartModule err ", "smartmodule chain failed: "}

// Explain completes an error of a request with this chain: it names the modules, and tells failures of their engine from
// other errors without a code.
func (m SmartModules) Explain(e *fluvioerr.Error) {
	if len(m) == 0 {
		return
	}
	if e.Server == fluvioerr.ServerOther && slices.ContainsFunc(engineTexts, func(text string) bool { return strings.HasPrefix(e.Message, "Other: "+text) }) {
		e.Code = fluvioerr.SmartModule
		e.Hint = "a module of the chain broke off: it may have run into a trap, out of memory, or out of time"
	}
	if e.Code == fluvioerr.SmartModule || e.Server == fluvioerr.ServerSmartModuleNotFound {
		labels := make([]string, len(m))
		for i := range m {
			labels[i] = m[i].Label()
		}
		e.WithDetail("smartmodule", strings.Join(labels, ", "))
	}
}

// The kinds of SmartModules. SPUs look at a module's exports, whatever its kind says; KindGeneric fits every one.
const (
	KindFilter    uint8 = 0
	KindMap       uint8 = 1
	KindArrayMap  uint8 = 2
	KindAggregate uint8 = 3
	KindFilterMap uint8 = 4
	KindGeneric   uint8 = 7
)

// ContextAggregate in a generic kind says that an accumulator follows.
const ContextAggregate uint8 = 1

// runtimeKinds are the kinds as errors number them.
var runtimeKinds = []string{"filter", "map", "array_map", "aggregate", "filter_map", "join", "generic"}

// KindName is the kind of the module that failed.
func (p *RuntimePayload) KindName() string {
	if int(p.Kind) < len(runtimeKinds) {
		return runtimeKinds[p.Kind]
	}
	return fmt.Sprintf("kind %d", p.Kind)
}
