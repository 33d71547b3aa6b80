//go:build race

package transport

// poison overwrites a released buffer in race builds, so that a use after release shows as damaged records in tests.
func poison(b []byte) {
	for i := range b {
		b[i] = 0xDB
	}
}
