package fluvio

import (
	"cmp"
	"context"
	"fmt"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// TableFormatSpec tells the official command line how to show records as a table.
type TableFormatSpec struct {
	// InputFormat is json. Empty: not given.
	InputFormat string `setting:"input_format" enum:"json"`
	// Columns of the table. Empty: not given.
	Columns []TableColumn `setting:"columns"`
	// SmartModule to run records through. Empty: none.
	SmartModule string `setting:"smartmodule"`
}

// ParseTableFormatSpec reads the settings of a table format, as ParseClientOptions.
func ParseTableFormatSpec(js []byte) (o TableFormatSpec, err error) {
	return o, parseSettings("table format", js, &o)
}

// TableColumn is a column of a table. What is empty or nil is not given; KeyPath is needed.
type TableColumn struct {
	KeyPath         string `setting:"key_path" json:"key_path"` // where the value is in the record
	HeaderLabel     string `setting:"header_label" json:"header_label"`
	Width           string `setting:"width" json:"width"`
	Alignment       string `setting:"alignment" json:"alignment" enum:"left,right,center"`
	Format          string `setting:"format" json:"format"`
	Display         *bool  `setting:"display" json:"display"`
	PrimaryKey      *bool  `setting:"primary_key" json:"primary_key"`
	HeaderTextColor string `setting:"header_text_color" json:"header_text_color" enum:"blue,yellow,green"`
	HeaderBgColor   string `setting:"header_bg_color" json:"header_bg_color" enum:"blue,yellow,green"`
}

var (
	alignments = []string{"left", "right", "center"}
	colors     = []string{"blue", "yellow", "green"}
)

// TableFormat is a table format of the cluster.
type TableFormat struct {
	Name        string        `json:"name"`
	InputFormat string        `json:"input_format"`
	Columns     []TableColumn `json:"columns"`
	SmartModule string        `json:"smartmodule"`
	Status      string        `json:"status"` // init, invalid, running, pending or failed
	Reason      string        `json:"reason"`
}

// CreateTableFormat stores a table format. AlreadyExists: there is one of that name.
func (a *Admin) CreateTableFormat(ctx context.Context, name string, spec TableFormatSpec) error {
	s, p := spec.wire(name)
	if err := p.err("table format"); err != nil {
		return err
	}
	_, err := a.create(ctx, "create table format", &wire.CreateRequest{Label: wire.LabelTableFormat, Name: name, Spec: s})
	return err
}

func (spec TableFormatSpec) problems() *problems { _, p := spec.wire(""); return p }

func (spec *TableFormatSpec) wire(name string) (*wire.TableFormatSpec, *problems) {
	p := checked(*spec)
	s := &wire.TableFormatSpec{Name: name, SmartModule: optional(spec.SmartModule)}
	if spec.InputFormat != "" {
		s.InputFormat = new(uint8)
	}
	var columns []wire.TableColumn
	for i := range spec.Columns {
		c := &spec.Columns[i]
		if c.KeyPath == "" {
			p.add(fmt.Sprintf("columns[%d].key_path", i), "is missing: where the value is in the record")
		}
		columns = append(columns, wire.TableColumn{
			KeyPath: c.KeyPath, HeaderLabel: optional(c.HeaderLabel), Width: optional(c.Width), Format: optional(c.Format),
			Display: c.Display, PrimaryKey: c.PrimaryKey, Alignment: choice(c.Alignment, alignments),
			HeaderTextColor: choice(c.HeaderTextColor, colors), HeaderBgColor: choice(c.HeaderBgColor, colors),
		})
	}
	if len(columns) > 0 {
		s.Columns = &columns
	}
	return s, p
}

// choice is the number of a text that may be missing, and chosen is the text of such a number.
func choice(text string, texts []string) *uint8 {
	if text == "" {
		return nil
	}
	n := numberOf(text, texts...)
	return &n
}

func chosen(number *uint8, texts []string) string {
	if number == nil {
		return ""
	}
	return of(*number, texts...)
}

// DeleteTableFormat deletes a table format.
func (a *Admin) DeleteTableFormat(ctx context.Context, name string) error {
	return a.remove(ctx, "delete table format", &wire.DeleteRequest{Label: wire.LabelTableFormat, Name: name})
}

// tableFormats is how table formats are listed and watched.
var tableFormats = kind[TableFormat]{objects{wire.LabelTableFormat, "table format"}, tableFormatOf, func(x, y *TableFormat) int {
	return cmp.Compare(x.Name, y.Name)
}}

// TableFormats lists the table formats in the order of their names.
func (a *Admin) TableFormats(ctx context.Context, options ...ListOptions) ([]TableFormat, error) {
	return list(ctx, a, tableFormats, options)
}

// TableFormat describes a table format. NotFound: there is none.
func (a *Admin) TableFormat(ctx context.Context, name string) (TableFormat, error) {
	return describe(ctx, a, tableFormats, name, func(f *TableFormat) bool { return f.Name == name }, ListOptions{Names: []string{name}})
}

// WatchTableFormats tells of table formats that come, change and go.
func (a *Admin) WatchTableFormats(ctx context.Context) (*Watch[TableFormat], error) {
	return watch(ctx, a, tableFormats)
}

func tableFormatOf(o *wire.Object) TableFormat {
	spec, status := o.Spec.(*wire.TableFormatSpec), o.Status.(*wire.TableFormatStatus)
	f := TableFormat{
		Name: o.Name, InputFormat: chosen(spec.InputFormat, []string{"json"}), SmartModule: value(spec.SmartModule),
		Status: of(status.Resolution, "init", "invalid", "running", "pending", "failed"), Reason: value(status.Reason),
	}
	for _, c := range value(spec.Columns) {
		f.Columns = append(f.Columns, TableColumn{
			KeyPath: c.KeyPath, HeaderLabel: value(c.HeaderLabel), Width: value(c.Width), Format: value(c.Format),
			Display: c.Display, PrimaryKey: c.PrimaryKey, Alignment: chosen(c.Alignment, alignments),
			HeaderTextColor: chosen(c.HeaderTextColor, colors), HeaderBgColor: chosen(c.HeaderBgColor, colors),
		})
	}
	return f
}
