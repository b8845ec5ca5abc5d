package deliver

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"whatsapp-api/app/api"
	"whatsapp-api/app/codes"
	"whatsapp-api/app/service"
	"whatsapp-api/app/service/deliver"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
)

// About says what every webhook's receiver has to know.
const About = `One event a request, POST with a JSON body. Any 2xx within timeoutSeconds takes it; all else is tried again, after 1 s, then twice as long each time up to an hour, until retryFor is over and the delivery is dead.
Events of one chat come in order, one at a time; chats do not wait for each other: while the first of one is refused, all others go on, and waiting names that chat. With onRefusal: dead what is answered 4xx (but 408, 409, 410, 425 and 429) is given up at once. 429 and 503 with Retry-After: the endpoint gets nothing until then. 410: the webhook is paused, until resume. After 10 failures in a row, unless all are refusals in one chat, it is failing: one request at a time is tried, every 2 s to 5 min, until one is taken; a chat that was not tried yet waits 2 s at most.

| header | |
|---|---|
| X-Event-Id | The event's id. A crash can make a repetition, which has the same. Where an event makes several requests (waha, evolution), the second has the id with /2 behind it, and so on; what was taken of them is not sent again when a later one fails |
| X-Delivery-Attempt | 1, 2, … |
| X-Webhook-Id | The webhook's id |
| X-Webhook-Replay | true: sent again on request (replay, or retry of a dead delivery), so take it although X-Event-Id is known |
| X-Hub-Signature-256 | sha256=HMAC-SHA256 of the body, in hex, with the current secret alone |
| X-Webhook-Signature | t=SECONDS,v1=HMAC-SHA256 of "SECONDS.BODY", in hex; for 24 hours after rotate-secret a second v1, with the old secret: take it if any v1 is right and t is not old |

The key of both is the whole secret, whsec_ too; the body is its bytes, before JSON is read.

| format | what comes, one message a request but for cloud; other events are not sent |
|---|---|
| native | Every event, as its envelope |
| cloud | new_messages of others, as messages: text, image, video, audio, document, sticker, location, contacts, order, interactive (button_reply, list_reply, nfm_reply), button, and all else as unsupported. message_reaction, message_edited and message_revoked of others, as reaction, edit and revoke. message_status and message_error, as statuses. phone_number_id and the entry's id are the session's; the id of a file is its message's |
| waha | message (others wrote it), message.any (own only), message.reaction, message.edited, message.revoked, poll.vote, poll.vote.failed, message.ack, session.status; what the text does not tell is in _data.Message |
| evolution | messages.upsert (reactions and votes too), send.message (sent here), messages.edited, messages.delete, messages.update, connection.update, qrcode.updated |

The id of a reaction, an edit, a revocation or a vote is the event's. Lines of the system come as native alone.`

// Webhooks bring events to where they are posted.
type Webhooks struct{ Webhooks *deliver.Webhooks }

// Describe says in the document which events a webhook may ask for.
func (Webhooks) Describe(doc *huma.OpenAPI, _ []string) {
	var names []any
	for _, n := range whatsapp.EventNames() {
		names = append(names, n)
	}
	for _, body := range []string{"CreateWebhookInBody", "ChangeWebhookInBody"} {
		events := doc.Components.Schemas.Map()[body].Properties["events"].Items
		events.Enum = names
		events.PrecomputeMessages()
	}
}

// Endpoints are the rows of webhooks.
func (ws Webhooks) Endpoints() []api.Endpoint {
	const read, write = "webhooks:read", "webhooks:write"
	accepted := api.Status(http.StatusAccepted)
	return []api.Endpoint{
		api.OnAccount(http.MethodGet, "/webhooks", "listWebhooks", read, "List own webhooks; admins see all", ws.listWebhooks, api.AlsoFails(codes.NotFound)),
		api.OnAccount(http.MethodPost, "/webhooks", "createWebhook", write, "Create a webhook; its secret is shown only now", ws.createWebhook, api.Status(http.StatusCreated), api.AlsoFails(codes.NotFound, codes.TooManyWebhooks)),
		api.OnAccount(http.MethodGet, "/webhooks/{id}", "getWebhook", read, "One webhook", ws.getWebhook),
		api.OnAccount(http.MethodPut, "/webhooks/{id}", "updateWebhook", write, "Change a webhook; what is not given stays. With another url: nothing goes to the old one once this has answered", ws.changeWebhook),
		api.OnAccount(http.MethodDelete, "/webhooks/{id}", "deleteWebhook", write, "Delete a webhook with its log; no delivery is under way once this has answered", ws.deleteWebhook, api.Status(http.StatusNoContent)),
		api.OnAccount(http.MethodPost, "/webhooks/{id}/test", "testWebhook", write, "Send a webhook_test event now, as native whatever the format, and say what came of it", ws.testWebhook),
		api.OnAccount(http.MethodPost, "/webhooks/{id}/pause", "pauseWebhook", write, "Stop deliveries; events wait in the log. Those under way have 3 s to end before this answers, and are repeated later if they did not", ws.pauseWebhook),
		api.OnAccount(http.MethodPost, "/webhooks/{id}/resume", "resumeWebhook", write, "Go on where deliveries stopped, and try at once what waits to be tried again", ws.resumeWebhook),
		api.OnAccount(http.MethodPost, "/webhooks/{id}/rotate-secret", "rotateWebhookSecret", write, "Make a new secret; the old one signs as well for 24 hours, in X-Webhook-Signature alone", ws.rotateWebhook),
		api.OnAccount(http.MethodPost, "/webhooks/{id}/replay", "replayWebhook", write, "Send events again, in the background", ws.replayWebhook, accepted, api.AlsoFails(codes.ReplayRunning)),
		api.OnAccount(http.MethodGet, "/webhooks/{id}/deliveries", "listDeliveries", read, "What became of events, newest first; kept for 7 days, dead ones for 30", ws.listDeliveries),
		api.OnAccount(http.MethodPost, "/webhooks/{id}/deliveries/{deliveryId}/retry", "retryDelivery", write, "Try a delivery again now", ws.retryDelivery, accepted),
	}
}

// WebhookFilters selects among events. A filter looks only at events that have what it asks for.
type WebhookFilters struct {
	Chats   []string `json:"chats" nullable:"false" maxItems:"1000" doc:"Phone numbers, JIDs or LIDs; empty: all chats"`
	Senders []string `json:"senders" nullable:"false" maxItems:"1000" doc:"Of messages; empty: all"`
	Types   []string `json:"types" nullable:"false" maxItems:"100" doc:"Of messages, such as text or image; empty: all"`
	FromMe  *bool    `json:"fromMe" doc:"Only own messages, or only those of others; null: both"`
	Groups  *bool    `json:"groups" doc:"Only groups, or only other chats; null: both"`
}

// Webhook is an endpoint to which events are sent.
type Webhook struct {
	ID        string            `json:"id"`
	SessionID *string           `json:"sessionId" doc:"null: all sessions of the owner, those made later too"`
	URL       string            `json:"url"`
	Events    []string          `json:"events" doc:"Empty: all"`
	Filters   WebhookFilters    `json:"filters"`
	Headers   map[string]string `json:"headers" doc:"Sent along. Values may be secret and are shown as ***; a change that brings *** for a header leaves its value"`
	Format    string            `json:"format" enum:"native,cloud,waha,evolution" doc:"Shape of the body: our envelope, or that of Meta's Cloud API, WAHA or Evolution API"`
	State     string            `json:"state" enum:"active,paused,failing" doc:"failing: the endpoint does not answer well and is tried now and then"`
	Reason    *string           `json:"reason" doc:"Why it is paused or failing, or what was lost; null when there is nothing to say"`
	Backlog   int64             `json:"backlog" doc:"Events it has still to go through, wanted or not"`
	Waiting   []WaitingChat     `json:"waiting" nullable:"false" maxItems:"20" doc:"Chats whose events wait since the first of them is not taken, while all others go on; at most 20, those that began first"`
	OnRefusal string            `json:"onRefusal" enum:"retry,dead" doc:"What becomes of an event that is answered 4xx, but for 408, 409, 410, 425 and 429: retry tries it as long as any other, and the chat waits; dead gives it up at once"`
	RetryFor  string            `json:"retryFor" doc:"How long a delivery is tried before it is given up, e.g. 72h0m0s"`
	Timeout   int               `json:"timeoutSeconds" doc:"Of one attempt"`
	CreatedAt convert.Time      `json:"createdAt"`
	UpdatedAt convert.Time      `json:"updatedAt"`
}

// WaitingChat is a chat whose events wait for a webhook.
type WaitingChat struct {
	SessionID string       `json:"sessionId"`
	Chat      *string      `json:"chat" doc:"Its id; null: events that are about no chat"`
	Since     convert.Time `json:"since" doc:"First attempt of the first of them"`
	LastError *string      `json:"lastError"`
	Events    int64        `json:"events"`
}

// NewWebhook is a webhook with its secret, as it is shown once.
type NewWebhook struct {
	Webhook
	Secret string `json:"secret" doc:"All of it is the key of the HMACs in X-Hub-Signature-256 (sha256= of the body) and X-Webhook-Signature (t=<seconds>,v1= of \"<t>.<body>\"); it cannot be shown again"`
}

// Delivery is what became of one event at one webhook.
type Delivery struct {
	ID             string        `json:"id"`
	WebhookID      string        `json:"webhookId"`
	EventID        string        `json:"eventId" doc:"Sent as X-Event-Id: tells repetitions"`
	Event          string        `json:"event"`
	SessionID      *string       `json:"sessionId"`
	Seq            *int64        `json:"seq"`
	Attempt        int           `json:"attempt" doc:"Attempts so far"`
	Status         string        `json:"status" enum:"pending,delivered,failed,dead" doc:"pending: waits for its turn; failed: will be tried again; dead: given up"`
	ResponseStatus *int          `json:"responseStatus"`
	Error          *string       `json:"error" doc:"What went wrong at the last attempt, with the beginning of the answer"`
	DurationMs     *float64      `json:"durationMs"`
	At             convert.Time  `json:"at" doc:"Of the last attempt"`
	NextAttemptAt  *convert.Time `json:"nextAttemptAt"`
	Replay         bool          `json:"replay" doc:"Sent again on request"`
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func webhookShape(w store.Webhook, backlog int64, waiting []deliver.WaitingChat) Webhook {
	f := w.Filters
	out := Webhook{
		ID: w.ID, SessionID: convert.TextOrNil(w.SessionID), URL: w.URL, Events: orEmpty(w.Events), Headers: map[string]string{}, Format: w.Format,
		Filters: WebhookFilters{Chats: orEmpty(f.Chats), Senders: orEmpty(f.Senders), Types: orEmpty(f.Types), FromMe: f.FromMe, Groups: f.Groups},
		State:   w.State, Reason: convert.TextOrNil(deliver.ReasonOf(w, waiting)), Backlog: backlog, Waiting: []WaitingChat{},
		OnRefusal: cmp.Or(w.OnRefusal, store.RefusalRetry), RetryFor: w.RetryFor.String(), Timeout: int(w.Timeout.Seconds()),
		CreatedAt: convert.Time(w.CreatedAt), UpdatedAt: convert.Time(w.UpdatedAt),
	}
	for name := range w.Headers {
		out.Headers[name] = deliver.MaskedHeader
	}
	for _, c := range waiting {
		out.Waiting = append(out.Waiting, WaitingChat{c.SessionID, convert.TextOrNil(c.Chat), convert.Time(c.Since), convert.TextOrNil(c.LastError), c.Events})
	}
	return out
}

func deliveryShape(d store.Delivery) Delivery {
	out := Delivery{
		ID: d.ID, WebhookID: d.WebhookID, EventID: d.EventID, Event: d.Event, SessionID: convert.TextOrNil(d.SessionID), Attempt: d.Attempt, Status: d.Status,
		Error: convert.TextOrNil(d.Error), At: convert.Time(d.At), NextAttemptAt: convert.TimeOrNil(d.NextAttemptAt), Replay: d.Replay,
	}
	if d.Seq > 0 {
		out.Seq = &d.Seq
	}
	if d.ResponseStatus != 0 {
		out.ResponseStatus = &d.ResponseStatus
	}
	if d.Attempt > 0 {
		ms := float64(d.Duration.Microseconds()) / 1000
		out.DurationMs = &ms
	}
	return out
}

// shown answers with a webhook as it is now.
func (ws Webhooks) shown(ctx context.Context, w store.Webhook, err error) (*api.Body[Webhook], error) {
	if err != nil {
		return nil, err
	}
	backlog, err := ws.Webhooks.Backlog(ctx, w)
	if err != nil {
		return nil, err
	}
	waiting, err := ws.Webhooks.WaitingChats(ctx, w)
	if err != nil {
		return nil, err
	}
	return api.Reply(webhookShape(w, backlog[w.ID], waiting)), nil
}

type listWebhooksIn struct {
	api.Paging
	SessionID string `query:"sessionId" maxLength:"64" doc:"Only webhooks of this session alone"`
}

func (ws Webhooks) listWebhooks(ctx context.Context, who service.Caller, in *listWebhooksIn) (*api.Body[api.List[Webhook]], error) {
	list, next, err := ws.Webhooks.List(ctx, who, in.SessionID, in.Page())
	if err != nil {
		return nil, err
	}
	backlog, err := ws.Webhooks.Backlog(ctx, list...)
	if err != nil {
		return nil, err
	}
	waiting := map[string][]deliver.WaitingChat{}
	for _, w := range list {
		if waiting[w.ID], err = ws.Webhooks.WaitingChats(ctx, w); err != nil {
			return nil, err
		}
	}
	return api.Reply(api.ListOf(list, next, func(w store.Webhook) Webhook { return webhookShape(w, backlog[w.ID], waiting[w.ID]) })), nil
}

// WebhookFields are what a client may say of a webhook.
type WebhookFields struct {
	Events  *[]string          `json:"events,omitempty" maxItems:"100" doc:"Names of events; empty: all"`
	Filters *FilterFields      `json:"filters,omitempty" doc:"A filter looks only at events that have what it asks for"`
	Headers *map[string]string `json:"headers,omitempty" maxProperties:"20" doc:"At most 20, sent along, instead of those before; not those that the server sets. *** keeps the value of before"`
	Format  *string            `json:"format,omitempty" enum:"native,cloud,waha,evolution" doc:"native when absent; what each brings is told above"`
	Retry   *string            `json:"retryFor,omitempty" maxLength:"32" pattern:"^(0|([0-9]+([.][0-9]+)?(ms|s|m|h))+)$" patternDescription:"a duration such as 90m or 72h" doc:"How long a delivery is tried, e.g. 90m or 72h; 72h when absent, at most 336h"`
	Timeout *int               `json:"timeoutSeconds,omitempty" minimum:"1" maximum:"30" doc:"Of one attempt; 10 when absent"`
	Refusal *string            `json:"onRefusal,omitempty" enum:"retry,dead" doc:"What becomes of an event that is answered 4xx, but for 408, 409, 410, 425 and 429; retry when absent"`
}

// FilterFields are the filters of a webhook as a client writes them.
type FilterFields struct {
	Chats   []string `json:"chats,omitempty" maxItems:"1000" doc:"Phone numbers, JIDs or LIDs; empty: all chats"`
	Senders []string `json:"senders,omitempty" maxItems:"1000" doc:"Of messages; empty: all"`
	Types   []string `json:"types,omitempty" maxItems:"100" doc:"Of messages, such as text or image; empty: all"`
	FromMe  *bool    `json:"fromMe,omitempty" nullable:"true" doc:"Only own messages, or only those of others; null: both"`
	Groups  *bool    `json:"groups,omitempty" nullable:"true" doc:"Only groups, or only other chats; null: both"`
}

func (f WebhookFields) spec(url *string) (deliver.WebhookSpec, error) {
	spec := deliver.WebhookSpec{URL: url, Events: f.Events, Headers: f.Headers, Format: f.Format, OnRefusal: f.Refusal}
	if f.Filters != nil {
		filters := store.WebhookFilters(*f.Filters)
		spec.Filters = &filters
	}
	if f.Retry != nil {
		d, err := time.ParseDuration(*f.Retry)
		if err != nil {
			return spec, service.Invalid{"retryFor": "must be a duration such as 90m or 72h"}
		}
		spec.RetryFor = &d
	}
	if f.Timeout != nil {
		d := time.Duration(*f.Timeout) * time.Second
		spec.Timeout = &d
	}
	return spec, nil
}

type createWebhookIn struct {
	Body struct {
		SessionID *string `json:"sessionId,omitempty" maxLength:"64" minLength:"1" nullable:"true" doc:"Absent or null: all sessions of the caller, those made later too"`
		URL       string  `json:"url" minLength:"8" maxLength:"2048" pattern:"^[Hh][Tt][Tt][Pp][Ss]?://." patternDescription:"a URL such as https://example.com/hook" doc:"http or https; private addresses only where WEBHOOK_PRIVATE_TARGETS allows them"`
		WebhookFields
	}
}

func (ws Webhooks) createWebhook(ctx context.Context, who service.Caller, in *createWebhookIn) (*api.Body[NewWebhook], error) {
	spec, err := in.Body.spec(&in.Body.URL)
	if err != nil {
		return nil, err
	}
	session := ""
	if in.Body.SessionID != nil {
		session = *in.Body.SessionID
	}
	w, err := ws.Webhooks.Create(ctx, who, session, spec)
	if err != nil {
		return nil, err
	}
	api.Made(ctx, w.ID)
	return api.Reply(NewWebhook{webhookShape(w, 0, nil), w.Secrets[0].Value}), nil
}

// WebhookPath is the part of an input that names a webhook.
type WebhookPath struct {
	ID string `path:"id" maxLength:"64" doc:"Id of the webhook"`
}

type hookIn struct{ WebhookPath }

func (ws Webhooks) getWebhook(ctx context.Context, who service.Caller, in *hookIn) (*api.Body[Webhook], error) {
	w, err := ws.Webhooks.Get(ctx, who, in.ID)
	return ws.shown(ctx, w, err)
}

type changeWebhookIn struct {
	WebhookPath
	Body struct {
		URL *string `json:"url,omitempty" minLength:"8" maxLength:"2048" pattern:"^[Hh][Tt][Tt][Pp][Ss]?://." patternDescription:"a URL such as https://example.com/hook"`
		WebhookFields
	}
}

func (ws Webhooks) changeWebhook(ctx context.Context, who service.Caller, in *changeWebhookIn) (*api.Body[Webhook], error) {
	spec, err := in.Body.spec(in.Body.URL)
	if err != nil {
		return nil, err
	}
	w, err := ws.Webhooks.Change(ctx, who, in.ID, spec)
	return ws.shown(ctx, w, err)
}

func (ws Webhooks) deleteWebhook(ctx context.Context, who service.Caller, in *hookIn) (*api.Nothing, error) {
	return nil, ws.Webhooks.Delete(ctx, who, in.ID)
}

func (ws Webhooks) testWebhook(ctx context.Context, who service.Caller, in *hookIn) (*api.Body[Delivery], error) {
	d, err := ws.Webhooks.Test(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	return api.Reply(deliveryShape(d)), nil
}

func (ws Webhooks) pauseWebhook(ctx context.Context, who service.Caller, in *hookIn) (*api.Body[Webhook], error) {
	w, err := ws.Webhooks.Pause(ctx, who, in.ID)
	return ws.shown(ctx, w, err)
}

func (ws Webhooks) resumeWebhook(ctx context.Context, who service.Caller, in *hookIn) (*api.Body[Webhook], error) {
	w, err := ws.Webhooks.Resume(ctx, who, in.ID)
	return ws.shown(ctx, w, err)
}

func (ws Webhooks) rotateWebhook(ctx context.Context, who service.Caller, in *hookIn) (*api.Body[NewWebhook], error) {
	w, err := ws.Webhooks.Rotate(ctx, who, in.ID)
	shown, err := ws.shown(ctx, w, err)
	if err != nil {
		return nil, err
	}
	return api.Reply(NewWebhook{shown.Body, w.Secrets[0].Value}), nil
}

// replayPoint is a time or a seq.
type replayPoint struct{ deliver.ReplayPoint }

// UnmarshalJSON reads RFC 3339, or a whole number.
func (p *replayPoint) UnmarshalJSON(raw []byte) error {
	if json.Unmarshal(raw, &p.Seq) == nil {
		return nil
	}
	if json.Unmarshal(raw, &p.At) != nil {
		return errReplayPoint
	}
	return nil
}

var errReplayPoint = errors.New("from and to are moments such as 2026-11-24T10:00:00Z, or whole numbers from 1")

// Schema is for the document.
func (p replayPoint) Schema(huma.Registry) *huma.Schema {
	least, most := 1.0, float64(1<<53) // a seq; what is above is not exact everywhere
	return &huma.Schema{OneOf: []*huma.Schema{{Type: huma.TypeString, Format: "date-time"}, {Type: huma.TypeInteger, Format: "int64", Minimum: &least, Maximum: &most}}}
}

type replayWebhookIn struct {
	WebhookPath
	Body struct {
		From       *replayPoint `json:"from,omitempty" doc:"Time, or seq if the webhook is of one session; absent: from the oldest event that is kept"`
		To         *replayPoint `json:"to,omitempty" doc:"Time or seq, included; absent: to the newest event"`
		OnlyFailed bool         `json:"onlyFailed,omitempty" doc:"Only deliveries that were given up"`
	}
}

// ReplayStarted says that a replay runs in the background.
type ReplayStarted struct {
	ID         string `json:"id"`
	OnlyFailed bool   `json:"onlyFailed"`
}

func (ws Webhooks) replayWebhook(ctx context.Context, who service.Caller, in *replayWebhookIn) (*api.Body[ReplayStarted], error) {
	p := deliver.Replay{OnlyFailed: in.Body.OnlyFailed}
	if in.Body.From != nil {
		p.From = in.Body.From.ReplayPoint
	}
	if in.Body.To != nil {
		p.To = in.Body.To.ReplayPoint
	}
	p, err := ws.Webhooks.Replay(ctx, who, in.ID, p)
	if err != nil {
		return nil, err
	}
	api.Made(ctx, p.ID)
	return api.Reply(ReplayStarted{p.ID, p.OnlyFailed}), nil
}

type listDeliveriesIn struct {
	WebhookPath
	api.Paging
	Status string `query:"status" enum:"pending,delivered,failed,dead" doc:"Only these"`
}

func (ws Webhooks) listDeliveries(ctx context.Context, who service.Caller, in *listDeliveriesIn) (*api.Body[api.List[Delivery]], error) {
	list, next, err := ws.Webhooks.Deliveries(ctx, who, in.ID, in.Status, in.Page())
	if err != nil {
		return nil, err
	}
	return api.Reply(api.ListOf(list, next, deliveryShape)), nil
}

type retryDeliveryIn struct {
	WebhookPath
	DeliveryID string `path:"deliveryId" maxLength:"64" doc:"Id of the delivery"`
}

func (ws Webhooks) retryDelivery(ctx context.Context, who service.Caller, in *retryDeliveryIn) (*api.Body[Delivery], error) {
	d, err := ws.Webhooks.Retry(ctx, who, in.ID, in.DeliveryID)
	if err != nil {
		return nil, err
	}
	return api.Reply(deliveryShape(d)), nil
}
