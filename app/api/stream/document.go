package stream

import (
	"fmt"
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

// Describe tells the document which events there are and what each brings.
func (*Hub) Describe(doc *huma.OpenAPI, _ []string) {
	all := doc.Components.Schemas
	about := strings.Builder{}
	about.WriteString(eventsAbout)
	event := all.Map()["Event"]
	name := event.Properties["event"]
	for _, k := range whatsapp.EventKinds() {
		data := all.Schema(reflect.TypeOf(k.Data), true, k.Name)
		fmt.Fprintf(&about, "| `%s` | %s | %s |\n", k.Name, k.About, strings.TrimPrefix(data.Ref, api.SchemaPrefix))
		name.Enum = append(name.Enum, k.Name)
		event.OneOf = append(event.OneOf, &huma.Schema{Properties: map[string]*huma.Schema{"event": {Enum: []any{k.Name}}, "data": data}})
	}
	event.Properties["data"].Description = "What the event brings, by its name: see the table of events"
	chapter := slices.IndexFunc(doc.Tags, func(t *huma.Tag) bool { return t.Name == Chapter })
	doc.Tags[chapter].Description = about.String()
}
