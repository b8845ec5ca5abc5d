package link

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"whatsapp-api/app/api"
	"whatsapp-api/app/codes"
	"whatsapp-api/app/service"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
)

// QR is the code that a phone scans to link a session.
type QR struct {
	// Poll lets a call wait, for no longer than the server goes on. done must be called.
	Poll func(context.Context) (_ context.Context, done func())
}

// Endpoints are the rows of QR codes. A code comes in the form that was asked for, so the row describes
// its answers by hand.
func (q QR) Endpoints() []api.Endpoint {
	return []api.Endpoint{
		api.OnSession(http.MethodGet, "/sessions/{sessionId}/qr", "getQrCode", "sessions:write", "The QR code to link the session with; starts pairing when idle", q.get,
			api.AlsoFails(codes.AlreadyLinked, codes.QRNotReady), api.Described(func(op *huma.Operation, schemas huma.Registry) {
				text := func(t string) *huma.MediaType {
					return &huma.MediaType{Schema: &huma.Schema{Type: "string", Description: t}}
				}
				op.Responses = map[string]*huma.Response{"200": {
					Description: "The code on show now; it changes every 20 to 60 seconds",
					Headers:     map[string]*huma.Param{"Expires-At": {Description: "Until when the code is good", Schema: &huma.Schema{Type: "string"}}},
					Content: map[string]*huma.MediaType{
						"application/json": {Schema: schemas.Schema(reflect.TypeFor[convert.QR](), true, "QR")},
						"image/png":        text("PNG"),
						"image/svg+xml":    text("SVG"),
						"text/plain":       text("The text in the code"),
					},
				}}
			})),
	}
}

type qrIn struct {
	api.SessionPath
	Format string `query:"format" enum:"json,png,svg,raw" doc:"json unless an image is preferred by Accept"`
	Wait   int    `query:"wait" minimum:"0" maximum:"60" default:"10" doc:"Seconds to wait for a code"`
	Accept string `header:"Accept" doc:"image/png or image/svg+xml for a picture, text/plain for the code itself; format comes before it"`
}

type qrOut struct {
	ContentType string `header:"Content-Type" hidden:"true"` // in the document it stands with the content
	ExpiresAt   string `header:"Expires-At"`
	Body        []byte
}

func (q QR) get(ctx context.Context, on service.Target, in *qrIn) (*qrOut, error) {
	if on.Session.Snapshot().QR == nil { // it may begin pairing; else it only looks
		api.Acts(ctx)
	}
	ctx, done := q.Poll(ctx)
	defer done()
	code, err := on.Session.WaitQR(ctx, time.Duration(in.Wait)*time.Second)
	if errors.Is(err, context.Canceled) {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	format := in.Format
	if format == "" {
		format = preferred(in.Accept)
	}
	out, err := drawn(code, format)
	if err != nil {
		return nil, err
	}
	out.ExpiresAt = code.ExpiresAt.UTC().Format(time.RFC3339)
	return out, nil
}

// qrFormats are the forms of a code by their media type.
var qrFormats = map[string]string{"image/png": "png", "image/*": "png", "image/svg+xml": "svg", "text/plain": "raw", "application/json": "json"}

// preferred picks the form that Accept gives the most weight, of several the first (RFC 9110, section
// 12.5.1); json where none is ours. huma's negotiation knows no wildcards, and elnormous/contenttype refuses all of
// a header for one malformed weight, where the others are good.
func preferred(accept string) string {
	best, most := "json", 0.0
	for part := range strings.SplitSeq(accept, ",") {
		kind, params, err := mime.ParseMediaType(part)
		format := qrFormats[kind]
		if err != nil || format == "" {
			continue
		}
		weight := 1.0
		if q, given := params["q"]; given {
			if weight, err = strconv.ParseFloat(q, 64); err != nil {
				continue
			}
		}
		if weight > most {
			best, most = format, weight
		}
	}
	return best
}

func drawn(code whatsapp.Code, format string) (*qrOut, error) {
	switch format {
	case "png":
		png, err := code.PNG()
		return &qrOut{ContentType: "image/png", Body: png}, err
	case "svg":
		svg, err := svgOf(code)
		return &qrOut{ContentType: "image/svg+xml", Body: svg}, err
	case "raw":
		return &qrOut{ContentType: "text/plain; charset=utf-8", Body: []byte(code.Text)}, nil
	}
	shape, err := code.Shape()
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(shape)
	return &qrOut{ContentType: "application/json", Body: raw}, err
}

// svgOf draws each run of dark modules as one rectangle.
func svgOf(code whatsapp.Code) ([]byte, error) {
	rows, err := code.Bitmap()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	n := len(rows)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges"><rect width="100%%" height="100%%" fill="#fff"/><path d="`, n, n)
	for y, row := range rows {
		for x := 0; x < len(row); x++ {
			from := x
			for x < len(row) && row[x] {
				x++
			}
			if x > from {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", from, y, x-from, x-from)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return b.Bytes(), nil
}
