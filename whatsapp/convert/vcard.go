package convert

import (
	"io"
	"mime/quotedprintable"
	"strings"

	"go.mau.fi/whatsmeow/types"

	"whatsapp-api/store"
)

// Limits of how much of a card is read.
const (
	maxVCardLines  = 1024
	maxVCardParams = 32 // of one line
)

// property is one line of a vCard: its group, name, parameters and value.
type property struct {
	group, name string
	params      map[string]string // by lower-case name; those without a name are types
	value       string            // escaped as it came
}

// readVCard reads a vCard of any version (2.1, RFC 2426, RFC 6350): name, organization, numbers and
// addresses. What is malformed is passed over.
func readVCard(text string) store.Card {
	var card store.Card
	var structured string
	groups := map[string]int{} // of numbers, for the labels that Apple keeps apart
	for _, line := range vcardLines(cut(text, maxText)) {
		p, ok := propertyOf(line)
		if !ok {
			continue
		}
		switch p.name {
		case "FN":
			card.Name = firstOf(card.Name, unescape(p.value))
		case "N":
			structured = firstOf(structured, nameOf(p.value))
		case "ORG":
			card.Organization = firstOf(card.Organization, strings.Join(components(p.value), ", "))
		case "X-WA-BIZ-NAME":
			card.Organization = firstOf(card.Organization, unescape(p.value))
		case "TEL":
			if p.group != "" {
				groups[p.group] = len(card.Phones)
			}
			card.Phones = append(card.Phones, phoneOf(p))
		case "EMAIL":
			if v := unescape(p.value); v != "" {
				card.Emails = append(card.Emails, v)
			}
		case "X-ABLABEL":
			if i, ok := groups[p.group]; ok && p.group != "" {
				card.Phones[i].Label = strings.TrimSuffix(strings.TrimPrefix(unescape(p.value), "_$!<"), ">!$_")
			}
		}
	}
	card.Name = firstOf(card.Name, structured)
	return card
}

// vcardLines joins folded lines: those that begin with a blank, and in quoted-printable those
// after one that ends with "=".
func vcardLines(text string) (lines []string) {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	var whole strings.Builder
	quoted, soft := false, false
	for line := range strings.SplitSeq(text, "\n") {
		folded := line != "" && (line[0] == ' ' || line[0] == '\t')
		switch {
		case soft:
			whole.WriteString("\n" + line)
		case folded && whole.Len() > 0:
			whole.WriteString(line[1:])
		default:
			if lines = append(lines, whole.String()); len(lines) == maxVCardLines {
				return lines
			}
			whole.Reset()
			whole.WriteString(line)
			head, _, _ := strings.Cut(line, ":")
			quoted = strings.Contains(strings.ToUpper(head), "QUOTED-PRINTABLE")
		}
		soft = quoted && strings.HasSuffix(line, "=")
	}
	return append(lines, whole.String())
}

func propertyOf(line string) (property, bool) {
	head, value, ok := cutOutsideQuotes(line)
	if !ok {
		return property{}, false
	}
	parts := strings.SplitN(head, ";", maxVCardParams)
	p := property{name: strings.ToUpper(strings.TrimSpace(parts[0])), params: map[string]string{}, value: strings.TrimSpace(value)}
	if group, name, ok := strings.Cut(p.name, "."); ok {
		p.group, p.name = group, name
	}
	for _, part := range parts[1:] {
		name, v, ok := strings.Cut(part, "=")
		if !ok { // vCard 2.1: TEL;CELL;PREF
			name, v = "type", part
			if strings.EqualFold(part, "QUOTED-PRINTABLE") {
				name = "encoding"
			}
		}
		name, v = strings.ToLower(strings.TrimSpace(name)), strings.Trim(strings.TrimSpace(v), `"`)
		if p.params[name] != "" {
			v = p.params[name] + "," + v
		}
		p.params[name] = v
	}
	if strings.EqualFold(p.params["encoding"], "QUOTED-PRINTABLE") {
		if plain, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(p.value))); err == nil {
			p.value = string(plain)
		}
	}
	return p, true
}

// cutOutsideQuotes cuts a line at the first colon that does not stand in quotes.
func cutOutsideQuotes(line string) (head, value string, ok bool) {
	quoted := false
	for i, c := range line {
		switch {
		case c == '"':
			quoted = !quoted
		case c == ':' && !quoted:
			return line[:i], line[i+1:], true
		}
	}
	return "", "", false
}

// phoneOf reads a number. WhatsApp writes the account's number in the parameter waid.
func phoneOf(p property) store.CardPhone {
	out := store.CardPhone{Number: strings.TrimPrefix(unescape(p.value), "tel:")}
	if id := p.params["waid"]; digits(id) && len(id) <= 15 {
		out.ID = types.NewJID(id, types.DefaultUserServer).String()
		if out.Number == "" {
			out.Number = "+" + id
		}
	}
	for label := range strings.SplitSeq(p.params["type"], ",") {
		switch label = strings.ToLower(strings.TrimSpace(label)); label {
		case "", "voice", "pref", "msg", "text":
		default:
			out.Label = firstOf(out.Label, label)
		}
	}
	return out
}

// nameOf makes a name of family;given;additional;prefix;suffix.
func nameOf(value string) string {
	parts := append(components(value), "", "", "", "", "")
	return strings.Join(strings.Fields(strings.Join([]string{parts[3], parts[1], parts[2], parts[0], parts[4]}, " ")), " ")
}

// components cuts a value at semicolons that are not escaped, and drops empty ones at the end.
func components(value string) (parts []string) {
	begin := 0
	for i := 0; i <= len(value); i++ {
		switch {
		case i == len(value) || value[i] == ';':
			parts = append(parts, unescape(value[begin:i]))
			begin = i + 1
		case value[i] == '\\' && i+1 < len(value):
			i++
		}
	}
	for len(parts) > 0 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	return parts
}

var unescaper = strings.NewReplacer(`\\`, `\`, `\,`, ",", `\;`, ";", `\:`, ":", `\n`, "\n", `\N`, "\n")

func unescape(value string) string { return strings.TrimSpace(unescaper.Replace(value)) }
