package wire

import (
	"fmt"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// Role says which server a connection leads to: SC and SPU use the same key numbers for different requests.
type Role uint8

// The roles.
const (
	SC Role = iota
	SPU
)

func (r Role) String() string {
	if r == SC {
		return "SC"
	}
	return "SPU"
}

// API keys.
const (
	KeyProduce              uint16 = 0
	KeyFetch                uint16 = 1 // SPU
	KeyApiVersions          uint16 = 18
	KeyFetchOffsets         uint16 = 1002 // SPU
	KeyStreamFetch          uint16 = 1003 // SPU
	KeyUpdateOffsets        uint16 = 1005 // SPU
	KeyUpdateConsumerOffset uint16 = 1006 // SPU
	KeyDeleteConsumerOffset uint16 = 1007 // SPU
	KeyFetchConsumerOffsets uint16 = 1008 // SPU
	KeyCreate               uint16 = 1001 // SC
	KeyDelete               uint16 = 1002 // SC
	KeyList                 uint16 = 1003 // SC
	KeyWatch                uint16 = 1004 // SC
	KeyMirroring            uint16 = 1005 // SC, from cluster to cluster: advertised, not spoken here
	KeyUpdate               uint16 = 1006 // SC
)

// API is one row of the table of requests.
type API struct {
	Role     Role
	Key      uint16
	Name     string
	Min, Max int16 // the versions this package speaks
	Request  func() Message
	Response func() Message
}

// APIs lists every request this package speaks. StreamFetch below 19 has layouts that differ between servers, so 19
// (platform 0.10.9) is the floor; envelopes of the SC exist from 11 on.
var APIs = []API{
	{SC, KeyApiVersions, "ApiVersions", 1, 2, func() Message { return &ApiVersionsRequest{} }, func() Message { return &ApiVersionsResponse{} }},
	{SC, KeyCreate, "Create", 11, 19, func() Message { return &CreateRequest{} }, func() Message { return &Status{} }},
	{SC, KeyDelete, "Delete", 11, 19, func() Message { return &DeleteRequest{} }, func() Message { return &Status{} }},
	{SC, KeyList, "List", 11, 19, func() Message { return &ListRequest{} }, func() Message { return &ListResponse{} }},
	{SC, KeyWatch, "Watch", 11, 19, func() Message { return &WatchRequest{} }, func() Message { return &MetadataUpdate{} }},
	{SC, KeyUpdate, "Update", 11, 19, func() Message { return &UpdateRequest{} }, func() Message { return &Status{} }},
	{SPU, KeyApiVersions, "ApiVersions", 1, 2, func() Message { return &ApiVersionsRequest{} }, func() Message { return &ApiVersionsResponse{} }},
	{SPU, KeyProduce, "Produce", 8, 25, func() Message { return &ProduceRequest{} }, func() Message { return &ProduceResponse{} }},
	{SPU, KeyFetch, "Fetch", 0, 25, func() Message { return &FetchRequest{} }, func() Message { return &FetchResponse{} }},
	{SPU, KeyFetchOffsets, "FetchOffsets", 0, 25, func() Message { return &FetchOffsetsRequest{} }, func() Message { return &FetchOffsetsResponse{} }},
	{SPU, KeyStreamFetch, "StreamFetch", 19, 25, func() Message { return &StreamFetchRequest{} }, func() Message { return &StreamFetchResponse{} }},
	{SPU, KeyUpdateOffsets, "UpdateOffsets", 0, 0, func() Message { return &UpdateOffsetsRequest{} }, func() Message { return &UpdateOffsetsResponse{} }},
	{SPU, KeyUpdateConsumerOffset, "UpdateConsumerOffset", 23, 25, func() Message { return &UpdateConsumerOffsetRequest{} }, func() Message { return &UpdateConsumerOffsetResponse{} }},
	{SPU, KeyDeleteConsumerOffset, "DeleteConsumerOffset", 23, 25, func() Message { return &DeleteConsumerOffsetRequest{} }, func() Message { return &DeleteConsumerOffsetResponse{} }},
	{SPU, KeyFetchConsumerOffsets, "FetchConsumerOffsets", 23, 25, func() Message { return &FetchConsumerOffsetsRequest{} }, func() Message { return &FetchConsumerOffsetsResponse{} }},
}

// LookupAPI returns the row of a key, nil if this package does not speak it.
func LookupAPI(role Role, key uint16) *API {
	for i := range APIs {
		if APIs[i].Role == role && APIs[i].Key == key {
			return &APIs[i]
		}
	}
	return nil
}

// Unlisted says that servers have a request without advertising it: those of consumer offsets, whose version is that of
// StreamFetch. A server that lacks them closes the connection, so they must not be sent on suspicion.
func (a *API) Unlisted() bool {
	return a.Role == SPU && a.Key >= KeyUpdateConsumerOffset && a.Key <= KeyFetchConsumerOffsets
}

// version is the highest version that this package and a server share; false if there is none.
func (a *API) version(server map[uint16]APIVersionRange) (int16, bool) {
	r, ok := server[a.Key]
	if !ok && a.Unlisted() {
		r, ok = server[KeyStreamFetch]
	}
	if !ok || r.Max < a.Min {
		return 0, false
	}
	// FetchOffsets is advertised as the newest version only, although servers read the older ones as well.
	if r.Min > a.Max && (a.Role != SPU || a.Key != KeyFetchOffsets) {
		return 0, false
	}
	return min(a.Max, r.Max), true
}

// Versions is what both sides of a connection speak: the highest common version per key.
type Versions struct {
	Role     Role
	Platform string
	common   map[uint16]int16
	server   map[uint16]APIVersionRange
}

// Negotiate takes the highest common version of every request. A request without one is not an error until it is used:
// an old server may lack a feature nobody asks for.
func Negotiate(role Role, r *ApiVersionsResponse) *Versions {
	v := &Versions{Role: role, Platform: r.PlatformVersion, common: map[uint16]int16{}, server: rangesByKey(r.Keys)}
	for i := range APIs {
		if api := &APIs[i]; api.Role == role {
			if n, ok := api.version(v.server); ok {
				v.common[api.Key] = n
			}
		}
	}
	v.common[KeyApiVersions] = 2 // the answer to it leaves it out
	return v
}

func rangesByKey(keys []APIVersionRange) map[uint16]APIVersionRange {
	out := make(map[uint16]APIVersionRange, len(keys))
	for _, k := range keys {
		out[uint16(k.Key)] = k
	}
	return out
}

// For returns the version to use for a key, or an Unsupported error that names both ranges and the platform to have.
func (v *Versions) For(key uint16) (int16, error) {
	if n, ok := v.common[key]; ok {
		return n, nil
	}
	api := LookupAPI(v.Role, key)
	if api == nil {
		return 0, fluvioerr.New(fluvioerr.Internal, "negotiate", "request key %d is not in the table", key)
	}
	has, hint := "does not have it", "the cluster needs platform "+api.platform()+" or later for this"
	if s, ok := v.server[key]; ok {
		has = fmt.Sprintf("speaks %d to %d", s.Min, s.Max)
		if s.Min > api.Max {
			hint = "the cluster is newer than this version of libfluvio; use a newer libfluvio"
		}
	} else if s, ok := v.server[KeyStreamFetch]; ok && api.Unlisted() {
		has = fmt.Sprintf("does not have it, speaking StreamFetch %d to %d", s.Min, s.Max)
	}
	server := v.Role.String()
	if v.Role == SC { // an SPU does not tell its platform
		server += " (platform " + v.Platform + ")"
	}
	return 0, fluvioerr.New(fluvioerr.Unsupported, "negotiate", "libfluvio speaks %s versions %d to %d, the %s %s",
		api.Name, api.Min, api.Max, server, has).WithHint(hint)
}
