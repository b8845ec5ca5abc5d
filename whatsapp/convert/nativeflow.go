package convert

import (
	"encoding/json"
	"strings"

	"go.mau.fi/whatsmeow/proto/waE2E"

	"whatsapp-api/store"
)

// loose is a text in somebody else's JSON, where it may be a number or a truth value as well.
type loose string

// UnmarshalJSON takes over any plain value; what is none becomes empty.
func (l *loose) UnmarshalJSON(raw []byte) error {
	var text string
	switch {
	case json.Unmarshal(raw, &text) == nil:
		*l = loose(text)
	case len(raw) > 0 && strings.IndexByte("{[n", raw[0]) < 0:
		*l = loose(raw)
	default:
		*l = ""
	}
	return nil
}

// flowParams are the parameters of a native flow's button or answer, as far as they are known.
// Names as phones and the Cloud API write them.
type flowParams struct {
	ID          loose         `json:"id"`
	DisplayText loose         `json:"display_text"`
	Title       loose         `json:"title"`
	Description loose         `json:"description"`
	URL         loose         `json:"url"`
	CopyCode    loose         `json:"copy_code"`
	PhoneNumber loose         `json:"phone_number"`
	FlowCTA     loose         `json:"flow_cta"`
	FlowID      loose         `json:"flow_id"`
	Sections    []flowSection `json:"sections"`
}

type flowSection struct {
	Title loose     `json:"title"`
	Rows  []flowRow `json:"rows"`
}

type flowRow struct {
	ID          loose `json:"id"`
	Header      loose `json:"header"`
	Title       loose `json:"title"`
	Description loose `json:"description"`
}

// paramsOf reads parameters. What is malformed is left empty: they are a stranger's word.
func paramsOf(raw string) (p flowParams) {
	if len(raw) <= maxText {
		_ = json.Unmarshal([]byte(raw), &p) // what stands before a fault is read
	}
	return p
}

// flowKinds names WhatsApp's kinds of button.
var flowKinds = map[string]string{
	"quick_reply": store.ButtonReply, "cta_url": store.ButtonURL, "cta_call": store.ButtonCall, "cta_copy": store.ButtonCopy,
	"single_select": store.ButtonList, "flow": store.ButtonFlow, "galaxy_message": store.ButtonFlow,
}

// flowKind is our name for a kind of button, else WhatsApp's own.
func flowKind(name string) string {
	if kind := flowKinds[name]; kind != "" {
		return kind
	}
	return cleanLine(name)
}

// addFlow adds the buttons of a native flow.
func addFlow(i *store.Interactive, x *waE2E.InteractiveMessage_NativeFlowMessage) {
	for _, b := range x.GetButtons() {
		addFlowButton(i, b.GetName(), b.GetButtonParamsJSON(), store.Button{})
	}
}

// addFlowButton adds a button of a native flow. What its parameters do not say stays as given. A list
// or a form among the buttons says what the whole message is.
func addFlowButton(i *store.Interactive, name, params string, b store.Button) {
	p := paramsOf(params)
	b.Kind = flowKind(name)
	b.ID, b.Text = firstOf(string(p.ID), b.ID), firstOf(string(p.DisplayText), string(p.Title), string(p.FlowCTA), b.Text)
	b.URL, b.Phone, b.CopyCode = string(p.URL), string(p.PhoneNumber), string(p.CopyCode)
	switch b.Kind {
	case store.ButtonList:
		i.Kind = store.InteractiveList
	case store.ButtonFlow:
		i.Kind, b.ID = store.InteractiveFlow, firstOf(b.ID, string(p.FlowID))
	}
	i.Buttons = append(i.Buttons, b)
	for _, s := range p.Sections {
		section := store.Section{Title: string(s.Title)}
		for _, row := range s.Rows {
			section.Rows = append(section.Rows, store.Row{
				ID: string(row.ID), Text: firstOf(string(row.Title), string(row.Header)), Description: string(row.Description),
			})
		}
		i.Sections = append(i.Sections, section)
	}
}
