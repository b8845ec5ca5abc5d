//go:build !linux

package mongotest

import (
	"errors"
	"os"
	"os/exec"
)

// dieWithParent can do nothing here: a killed test binary leaves its servers behind.
func dieWithParent(*exec.Cmd) {}

func pause(*os.Process) error  { return errors.ErrUnsupported }
func resume(*os.Process) error { return errors.ErrUnsupported }

func dataDir() string { return "" }
