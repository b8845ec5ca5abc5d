//go:build !linux

package main

import (
	"errors"
	"os/exec"
)

// dieWithParent can do nothing here: a killed soak leaves its children behind.
func dieWithParent(*exec.Cmd) {}

func mount(string, string) error { return errors.ErrUnsupported }

func unmount(string) error { return errors.ErrUnsupported }
