package devcluster

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Codes of the SC that only its objects have.
const (
	serverMirrorNotFound      fluvioerr.ServerCode = 11001
	serverMirrorAlreadyExists fluvioerr.ServerCode = 11002
	serverMirrorFromRemote    fluvioerr.ServerCode = 11004
	serverMirrorInvalidType   fluvioerr.ServerCode = 11005
	serverSmartModuleError    fluvioerr.ServerCode = 6000
	serverTableFormatNotFound fluvioerr.ServerCode = 7001
	serverTableFormatExists   fluvioerr.ServerCode = 7002
	serverTopicReplicaType    fluvioerr.ServerCode = 2008
	serverDedupNotLoaded      fluvioerr.ServerCode = 10000
	serverDedupNameInvalid    fluvioerr.ServerCode = 10001
	serverMirrorProduceHome   fluvioerr.ServerCode = 11003
	serverMirrorProduceTarget fluvioerr.ServerCode = 11006
	objectVersion             int16                = 19 // of objects in the data folder
	objectFolder                                   = "objects"
	unknownObject                                  = "unknown admin object type"
	notFound                                       = "not found"
)

// plainLabels are the objects that the SC only keeps: nothing happens when they come or go.
func plainLabels() []string {
	return []string{wire.LabelSPUGroup, wire.LabelSmartModule, wire.LabelTableFormat, wire.LabelMirror}
}

// failed is a status with a code and a text.
func failed(name string, code fluvioerr.ServerCode, format string, args ...any) *wire.Status {
	text := fmt.Sprintf(format, args...)
	return &wire.Status{Name: name, Error: wire.ErrorCode{Code: code}, Message: &text}
}

// createObject makes a plain object by the SC's rules. An error ends the connection.
func (cl *Cluster) createObject(m *wire.CreateRequest) (*wire.Status, error) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	name, failure := m.Name, fluvioerr.ServerSpuError
	old, exists := cl.stores[m.Label].get(name)
	var status wire.Message
	switch spec := m.Spec.(type) {
	case *wire.SPUGroupSpec:
		status = &wire.SPUGroupStatus{}
	case *wire.SmartModuleSpec:
		failure, status = serverSmartModuleError, &wire.SmartModuleStatus{}
		if spec.Meta != nil {
			p := &spec.Meta.Package
			if !semver.MatchString(p.Version) || !semver.MatchString(p.APIVersion) {
				return nil, errHangUp
			}
			if p.Name == "" || p.Group == "" {
				return failed(name, failure, "invalid SmartModule package"), nil
			}
			name = p.Key()
		}
	case *wire.TableFormatSpec:
		failure, status = 7000, &wire.TableFormatStatus{}
		if exists {
			return failed(name, serverTableFormatExists, "tableformat '%s' already defined", name), nil
		}
	case *wire.MirrorSpec:
		failure, status = fluvioerr.ServerOther, &wire.MirrorStatus{}
		if exists && old.Spec.(*wire.MirrorSpec).Kind == wire.MirrorRemote {
			return failed(name, serverMirrorAlreadyExists, "remote cluster %q already exists", name), nil
		}
	}
	if exists { // what is replaced keeps its status
		status = old.Status
	}
	spec, err := detached(m.Label, name, m.Spec, status)
	if err == nil {
		err = cl.saveObject(m.Label, name, spec, status)
	}
	if err != nil {
		return failed(name, failure, "%v", err), nil
	}
	cl.stores[m.Label].put(name, spec, status)
	return &wire.Status{Name: name}, nil
}

// deleteObject removes a plain object by the SC's rules. An error ends the connection.
func (cl *Cluster) deleteObject(m *wire.DeleteRequest) (*wire.Status, error) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	key, text := m.Name, notFound
	code, failure := fluvioerr.ServerSpuNotFound, fluvioerr.ServerSpuError
	var payload wire.ErrorPayload
	switch m.Label {
	case wire.LabelSmartModule:
		n, err := wire.ParseSmartModuleName(m.Name)
		if err != nil {
			return nil, errHangUp
		}
		key, code, failure = n.Key(), fluvioerr.ServerSmartModuleNotFound, serverSmartModuleError
		payload = &wire.TextPayload{Message: m.Name}
	case wire.LabelTableFormat:
		code, failure = serverTableFormatNotFound, 7000
	case wire.LabelMirror:
		code, failure = serverMirrorNotFound, fluvioerr.ServerOther
		text = fmt.Sprintf("remote cluster %q not found", m.Name)
	}
	s := cl.stores[m.Label]
	if _, exists := s.get(key); !exists {
		status := failed(m.Name, code, "%s", text)
		status.Error.Payload = payload
		return status, nil
	}
	if err := cl.dropObject(m.Label, key); err != nil {
		return failed(m.Name, failure, "%v", err), nil
	}
	s.remove(key)
	return &wire.Status{Name: m.Name}, nil
}

// summary is a SmartModule without its payload, as lists and watches show it on request.
func summary(o wire.Object) wire.Object {
	if spec, ok := o.Spec.(*wire.SmartModuleSpec); ok {
		n := uint32(len(spec.Payload))
		short := *spec
		short.WasmLength, short.Payload = &n, nil
		o.Spec = &short
	}
	return o
}

// encodeObject writes an object as a list of one, which says by itself what it is.
func encodeObject(label, name string, spec, status wire.Message) ([]byte, error) {
	return wire.Append(nil, objectVersion, &wire.ListResponse{Label: label, Objects: []wire.Object{{Name: name, Spec: spec, Status: status}}})
}

func decodeObject(b []byte) (string, wire.Object, error) {
	var m wire.ListResponse
	n, err := wire.Decode(b, objectVersion, &m)
	if err == nil && (n != len(b) || len(m.Objects) != 1) {
		err = errors.New("it does not hold one object")
	}
	if err != nil {
		return "", wire.Object{}, err
	}
	return m.Label, m.Objects[0], nil
}

// detached is a copy of a spec that is no view of the connection's buffer.
func detached(label, name string, spec, status wire.Message) (wire.Message, error) {
	b, err := encodeObject(label, name, spec, status)
	if err != nil {
		return nil, err
	}
	_, o, err := decodeObject(b)
	return o.Spec, err
}

// objectFile is where an object is kept. Names of objects may hold anything, so the file has a hash for its name.
func (cl *Cluster) objectFile(label, name string) string {
	sum := sha256.Sum256([]byte(name))
	return filepath.Join(cl.opts.DataDir, objectFolder, label, hex.EncodeToString(sum[:16]))
}

func (cl *Cluster) saveObject(label, name string, spec, status wire.Message) error {
	if cl.opts.DataDir == "" {
		return nil
	}
	b, err := encodeObject(label, name, spec, status)
	if err != nil {
		return err
	}
	file := cl.objectFile(label, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return replaceFile(file, b)
}

func (cl *Cluster) dropObject(label, name string) error {
	if cl.opts.DataDir == "" {
		return nil
	}
	return os.Remove(cl.objectFile(label, name))
}

// loadObjects takes the plain objects of an earlier run from the data folder.
func (cl *Cluster) loadObjects() error {
	for _, label := range plainLabels() {
		dir := filepath.Join(cl.opts.DataDir, objectFolder, label)
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, e := range entries {
			if filepath.Ext(e.Name()) != "" { // left behind half-written
				continue
			}
			file := filepath.Join(dir, e.Name())
			b, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			is, o, err := decodeObject(b)
			if err == nil && is != label {
				err = fmt.Errorf("it holds an object of type %q", is)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			cl.stores[label].put(o.Name, o.Spec, o.Status)
		}
	}
	return nil
}
