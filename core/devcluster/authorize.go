package devcluster

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Policy says who may do what at the SC; its members are the two files that an official SC is given. SPUs have none: who
// reaches them may read and write every topic.
type Policy struct {
	// Scopes are the roles of each principal, which is the common name in a client's certificate.
	Scopes map[string][]string `json:"scopes"`
	// Roles are the rights of each role: for an object (Topic, Spu, CustomSpu, SpuGroup, SmartModule, TableFormat, Partition,
	// Mirror) the actions Create, Read, Update, Delete or All.
	Roles map[string]map[string][]string `json:"policy"`
}

// ParsePolicy reads {"scopes": {principal: [role]}, "policy": {role: {object: [action]}}}.
func ParsePolicy(text []byte) (*Policy, error) {
	p := &Policy{}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(p); err != nil {
		return nil, fluvioerr.New(fluvioerr.InvalidArgument, "read policy", "%v", err).
			WithHint(`write {"scopes": {"root": ["Root"]}, "policy": {"Root": {"Topic": ["All"]}}}`)
	}
	return p, nil
}

// check reports what an official SC would not read.
func (p *Policy) check(complain func(string, ...any)) {
	objects := []string{"Spu", "CustomSpu", "SpuGroup", "Topic", "Partition", "SmartModule", "TableFormat", "Mirror", "ManagedConnector", "DerivedStream"}
	for name := range p.Scopes {
		if !validName(name) {
			complain("authorize: %q cannot be the name of a client", name)
		}
	}
	for role, rights := range p.Roles {
		for object, actions := range rights {
			if !slices.Contains(objects, object) {
				complain("authorize: role %s has rights on %q, which is none of %v", role, object, objects)
			}
			for _, a := range actions {
				action, _, _ := strings.Cut(a, ":")
				if !slices.Contains([]string{"Create", "Read", "Update", "Delete", "All"}, action) {
					complain("authorize: role %s has the action %q, which is none of Create, Read, Update, Delete, All", role, a)
				}
			}
		}
	}
}

// roles are those of a principal; a nil policy has none.
func (p *Policy) roles(principal string) (roles []string, listed bool) {
	if p == nil {
		return nil, false
	}
	roles, listed = p.Scopes[principal]
	return roles, listed
}

// identity is who is at the other end of a connection.
type identity struct {
	principal string
	roles     []string
}

// may says whether a connection's client has a right on a type of objects. Rights on single objects do not count, as at a
// real SC, which asks for types only.
func (c *conn) may(action, label string) bool {
	policy := c.srv.cl.opts.Authorize
	if policy == nil {
		return true
	}
	if label == wire.LabelSPU {
		label = "Spu"
	}
	for _, role := range c.identity.roles {
		actions := policy.Roles[role][label]
		if slices.Contains(actions, action) || slices.Contains(actions, "All") {
			return true
		}
	}
	return false
}

// refuseCreate is the SC's answer to who may not make objects of a type, nil for who may. Mirrors are not asked about.
func (c *conn) refuseCreate(m *wire.CreateRequest) *wire.Status {
	if m.Label == wire.LabelMirror || c.may("Create", m.Label) {
		return nil
	}
	return failed(m.Name, fluvioerr.ServerPermissionDenied, "permission denied")
}

// authenticate takes the request that an SC with a policy wants first: from whoever has shown no certificate.
func (c *conn) authenticate(h *wire.RequestHeader, body []byte) error {
	var m wire.AuthRequest
	if h.APIKey != wire.KeyAuth {
		return fmt.Errorf("%w: the first request is not an authentication", errHangUp)
	}
	if _, err := wire.Decode(body, 0, &m); err != nil {
		return err
	}
	c.identity = &identity{m.Principal, m.Scopes}
	frame, err := wire.AppendResponse(nil, 0, 0, &wire.AuthResponse{Success: true})
	if err != nil {
		return err
	}
	c.wmu.Lock()
	defer c.wmu.Unlock()
	_, err = c.nc.Write(frame)
	return err
}
