package stream

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"whatsapp-api/app/api"
	"whatsapp-api/whatsapp"
)

// Chapter is the events' in the document.
const Chapter = "events"

const eventsAbout = `Every event is ` + "`{id, seq, event, sessionId, timestamp, data}`" + `, the same over WebSocket, Socket.IO, Server-Sent Events, the event log and webhooks of the format native.
Pass over names and fields that you do not know: there will be more.

| event | when | data |
|---|---|---|
`

// Describe tells the document which events there are and what each brings: a schema for each, told apart by the
// event's name.
func (*Hub) Describe(doc *huma.OpenAPI, _ []string) {
	all := doc.Components.Schemas
	about := strings.Builder{}
	about.WriteString(eventsAbout)
	event := all.Map()["Event"]
	common, required := event.Properties, event.Required
	*event = huma.Schema{Description: "An event: which one, event says", Discriminator: &huma.Discriminator{PropertyName: "event", Mapping: map[string]string{}}}
	for _, k := range whatsapp.EventKinds() {
		data := all.Schema(reflect.TypeOf(k.Data), true, k.Name)
		fmt.Fprintf(&about, "| `%s` | %s | %s |\n", k.Name, k.About, strings.TrimPrefix(data.Ref, api.SchemaPrefix))
		one := &huma.Schema{Type: huma.TypeObject, Description: k.About, Properties: maps.Clone(common), Required: required}
		one.Properties["event"] = &huma.Schema{Type: huma.TypeString, Const: k.Name}
		one.Properties["data"] = data
		name := schemaOf(k.Name)
		all.Map()[name] = one
		ref := api.SchemaPrefix + name
		event.OneOf = append(event.OneOf, &huma.Schema{Ref: ref})
		event.Discriminator.Mapping[k.Name] = ref
	}
	chapter := slices.IndexFunc(doc.Tags, func(t *huma.Tag) bool { return t.Name == Chapter })
	doc.Tags[chapter].Description = about.String()
}

// schemaOf makes NewMessagesEvent of new_messages.
func schemaOf(event string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(event, "_") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String() + "Event"
}
