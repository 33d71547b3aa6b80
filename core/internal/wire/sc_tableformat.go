package wire

// TableFormatSpec tells the official command line how to show records as a table. Servers only keep it.
type TableFormatSpec struct {
	Name        string
	InputFormat *uint8 // 0 JSON
	Columns     *[]TableColumn
	SmartModule *string
}

// TableColumn is one column of a TableFormatSpec.
type TableColumn struct {
	HeaderLabel     *string
	Width           *string
	Alignment       *uint8 // 0 left, 1 right, 2 center
	KeyPath         string
	Format          *string
	Display         *bool
	PrimaryKey      *bool
	HeaderBgColor   *uint8 // 0 blue, 1 yellow, 2 green
	HeaderTextColor *uint8
}

// Wire walks the spec.
func (m *TableFormatSpec) Wire(c *Codec) {
	c.String(&m.Name)
	Opt(c, &m.InputFormat, (*Codec).U8)
	Opt(c, &m.Columns, func(c *Codec, v *[]TableColumn) { Vec(c, v, 10, (*Codec).tableColumn) })
	c.OptString(&m.SmartModule)
}

func (c *Codec) tableColumn(m *TableColumn) {
	c.OptString(&m.HeaderLabel)
	c.OptString(&m.Width)
	Opt(c, &m.Alignment, (*Codec).U8)
	c.String(&m.KeyPath)
	c.OptString(&m.Format)
	Opt(c, &m.Display, (*Codec).Bool)
	Opt(c, &m.PrimaryKey, (*Codec).Bool)
	Opt(c, &m.HeaderBgColor, (*Codec).U8)
	Opt(c, &m.HeaderTextColor, (*Codec).U8)
}

// Resolutions of a TableFormatStatus.
const (
	TableFormatInit    uint8 = 0
	TableFormatInvalid uint8 = 1
	TableFormatRunning uint8 = 2
	TableFormatPending uint8 = 3
	TableFormatFailed  uint8 = 4
)

// TableFormatStatus is what became of a table format.
type TableFormatStatus struct {
	Resolution uint8
	Reason     *string
}

// Wire walks the status.
func (m *TableFormatStatus) Wire(c *Codec) { c.U8(&m.Resolution); c.OptString(&m.Reason) }
