//go:build !linux

package devcluster

// holdPort is for Linux only.
func holdPort(string) (release func()) { return func() {} }
