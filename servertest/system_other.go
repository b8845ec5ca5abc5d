//go:build !linux

package servertest

import (
	"errors"
	"os"
	"os/exec"
)

// dieWithParent can do nothing here: a killed test binary leaves its servers behind.
func dieWithParent(*exec.Cmd) {}

func pause(*os.Process) error  { return errors.ErrUnsupported }
func resume(*os.Process) error { return errors.ErrUnsupported }

// DataDir is where servers keep their data; empty is the usual place.
func DataDir() string { return "" }
