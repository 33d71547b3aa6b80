//go:build !windows

package fluvio

import (
	"errors"
	"os"
)

// syncFolder makes the names in a folder last.
func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
