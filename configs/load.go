package configs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/joho/godotenv"
	"go.yaml.in/yaml/v3"
)

// Sources says where Load looks. Tests fill it by hand; the program passes its own.
type Sources struct {
	Flags   map[string]string           // by setting name, only those that were given
	Env     func(string) (string, bool) // os.LookupEnv
	DotEnv  string                      // path of the .env file; a missing file is no fault
	File    string                      // path of the YAML file; empty: none
	Sandbox bool                        // sandbox mode: loopback unless HOST says otherwise
}

// Setting is one setting as it was found, for `whatsapp-api config`.
type Setting struct {
	Name   string
	Value  string // secrets are masked
	Source string // "default", "flag", "environment", ".env" or the file's name
	Doc    string
	Note   string

	Unknown bool // no setting of this program, in a file that others share
}

// Load reads all sources, the strongest last, and validates the result. Its error is a
// *Faults that names everything that is wrong, in every source, at once.
func Load(src Sources) (Config, []Setting, error) {
	f := &Faults{}
	dotEnv, unknown := fromDotEnv(src.DotEnv, f)
	layers := []layer{
		{"flag", src.Flags},
		{"environment", fromEnv(src.Env)},
		{".env", dotEnv},
		{src.File, fromYAML(src.File, f)},
	}
	c := Default()
	if src.Sandbox {
		c.Host = "127.0.0.1"
	}
	var list []Setting
	for _, field := range fields(&c) {
		source := field.fill(layers, f)
		list = append(list, Setting{Name: field.name, Value: field.text(), Source: source, Doc: field.doc, Note: field.note(source)})
	}
	for _, name := range unknown {
		list = append(list, Setting{Name: name, Source: ".env", Note: "is no setting of this program, and passed over", Unknown: true})
	}
	var wrong *Faults
	if err := c.Validate(); errors.As(err, &wrong) {
		f.All = append(f.All, wrong.All...)
	}
	return c, list, f.orNil()
}

// layer is one source with the settings found in it, by name.
type layer struct {
	source string
	values map[string]string
}

// field is one setting of a Config under construction.
type field struct {
	name, alias, doc string
	value            reflect.Value
}

func fields(c *Config) []field {
	v := reflect.ValueOf(c).Elem()
	var list []field
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		list = append(list, field{tag.Get("name"), tag.Get("alias"), tag.Get("doc"), v.Field(i)})
	}
	return list
}

// fileSuffix names the setting whose value is the path of a file that holds a secret.
const fileSuffix = "_FILE"

func (f field) secret() bool { return f.value.Type() == reflect.TypeFor[Secret]() }

// Names lists the names of all settings, aliases too, and of every secret the name of its file.
func Names() []string {
	var names []string
	var c Config
	for _, f := range fields(&c) {
		names = append(names, f.name)
		if f.alias != "" {
			names = append(names, f.alias)
		}
		if f.secret() {
			names = append(names, f.name+fileSuffix)
		}
	}
	return names
}

// fill sets the field from the first layer that has it and returns that layer's name.
func (f field) fill(layers []layer, faults *Faults) string {
	for _, l := range layers {
		for _, name := range []string{f.name, f.alias} {
			text, ok := l.values[name]
			if !ok || name == "" {
				continue
			}
			if err := f.parse(strings.TrimSpace(text)); err != nil {
				faults.add(name, fmt.Sprintf("%v (from %s)", err, l.source))
			}
			if _, both := l.values[f.name+fileSuffix]; both && f.secret() {
				faults.add(name, fmt.Sprintf("give it, or %s, not both (from %s)", f.name+fileSuffix, l.source))
			}
			return l.source
		}
		if path, ok := l.values[f.name+fileSuffix]; ok && f.secret() {
			f.read(strings.TrimSpace(path), l.source, faults)
			return fmt.Sprintf("file (%s)", l.source)
		}
	}
	return "default"
}

// read takes a secret from its file, but for the line break at the end.
func (f field) read(path, source string, faults *Faults) {
	raw, err := os.ReadFile(path)
	text := strings.TrimRight(string(raw), "\r\n")
	switch {
	case err != nil:
		faults.add(f.name+fileSuffix, fmt.Sprintf("cannot be read: %v (from %s)", err, source))
	case text == "":
		faults.add(f.name+fileSuffix, fmt.Sprintf("names an empty file (from %s)", source))
	default:
		f.value.SetString(text)
	}
}

func (f field) parse(text string) error {
	switch f.value.Interface().(type) {
	case string, Secret:
		f.value.SetString(text)
	case int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("must be a whole number, not %q", text)
		}
		f.value.SetInt(int64(n))
	case time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("must be a time such as 30s or 24h, not %q", text)
		}
		f.value.SetInt(int64(d))
	case []string:
		var list []string
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, strings.TrimSuffix(part, "/"))
			}
		}
		f.value.Set(reflect.ValueOf(list))
	default:
		return fmt.Errorf("has type %s, which no setting may have", f.value.Type())
	}
	return nil
}

func (f field) text() string {
	if list, ok := f.value.Interface().([]string); ok {
		return strings.Join(list, ",")
	}
	return fmt.Sprint(f.value.Interface())
}

func (f field) note(source string) string {
	if f.name == "WHATSAPP_SERVICE_URL" && source != "default" {
		return "not needed: WhatsApp is inside this process"
	}
	return ""
}

func fromEnv(lookup func(string) (string, bool)) map[string]string {
	found := map[string]string{}
	if lookup == nil {
		return found
	}
	for _, name := range Names() {
		if v, ok := lookup(name); ok && v != "" {
			found[name] = v
		}
	}
	return found
}

// fromDotEnv also lists names that are no settings of this program: other programs (Docker Compose)
// read the same file.
func fromDotEnv(path string, f *Faults) (values map[string]string, unknown []string) {
	if path == "" {
		return nil, nil
	}
	values, err := godotenv.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		f.add(path, "cannot be read: "+err.Error())
		return nil, nil
	}
	known := Names()
	for name, v := range values {
		if !oneOf(name, known...) {
			unknown = append(unknown, name)
		}
		if v == "" { // as an empty variable of the environment: not set
			delete(values, name)
		}
	}
	slices.Sort(unknown)
	return values, unknown
}

func fromYAML(path string, f *Faults) map[string]string {
	if path == "" {
		return nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		f.add(path, "cannot be read: "+err.Error())
		return nil
	}
	var tree map[string]any
	if err := yaml.Unmarshal(raw, &tree); err != nil {
		f.add(path, "is not YAML with one setting a line: "+err.Error())
		return nil
	}
	values := map[string]string{}
	for key, v := range tree {
		switch v := v.(type) {
		case []any:
			var parts []string
			for _, one := range v {
				parts = append(parts, fmt.Sprint(one))
			}
			values[strings.ToUpper(key)] = strings.Join(parts, ",")
		case map[string]any:
			f.add(key, "must be a plain value, not a group of settings (from "+path+")")
		case nil:
		default:
			values[strings.ToUpper(key)] = fmt.Sprint(v)
		}
	}
	refuseUnknown(values, path, f)
	return values
}

func refuseUnknown(values map[string]string, path string, f *Faults) {
	known := Names()
	for name := range values {
		if !oneOf(name, known...) {
			f.add(name, "is no setting of this program (from "+path+"); `whatsapp-api config` lists them")
		}
	}
}
