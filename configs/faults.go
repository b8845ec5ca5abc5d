package configs

import "strings"

// Fault is one wrong setting.
type Fault struct {
	Setting string
	Problem string
}

// Faults is every wrong setting that was found. It is an error.
type Faults struct{ All []Fault }

// Error lists all faults, a line each.
func (f *Faults) Error() string {
	var b strings.Builder
	b.WriteString("wrong settings:")
	for _, one := range f.All {
		b.WriteString("\n  " + one.Setting + ": " + one.Problem)
	}
	return b.String()
}

func (f *Faults) add(setting, problem string) { f.All = append(f.All, Fault{setting, problem}) }

func (f *Faults) check(good bool, setting, problem string) {
	if !good {
		f.add(setting, problem)
	}
}

func (f *Faults) orNil() error {
	if len(f.All) == 0 {
		return nil
	}
	return f
}
