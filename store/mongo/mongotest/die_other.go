//go:build !linux

package mongotest

import "os/exec"

// dieWithParent can do nothing here: a killed test binary leaves its servers behind.
func dieWithParent(*exec.Cmd) {}
